import { test } from '@playwright/test';

import { drawingOf } from '../../../fixtures/evidence/pictures.js';
import { lastSight, subjectsOf } from '../../../fixtures/evidence/subjects.js';
import { expect } from '../../../fixtures/matchers/index.js';
import { _PAGE_USER, walkRangeSync, walkSync, x86Space } from '../../../lib/paging/index.js';
import { TableBuilder } from '../paging/support/table-builder.js';

const start = 0x7f12_3456_7000n;

function tables() {
  const builder = new TableBuilder();
  builder.map(start, 0x8000_0000_1f0b_a863n);
  return { memory: builder.memory, space: x86Space({ cr3: builder.root }) };
}

test('a walk that a check looked at is what a passing test shows, with every entry and the bits of the last', async ({}, testInfo) => {
  const { memory, space } = tables();
  expect(lastSight(testInfo)).toBeUndefined();
  await expect(walkSync(memory, space, start)).toHaveUserBitCleared();
  await expect(walkRangeSync(memory, space, start, 1)).toHaveUserBitCleared();
  const sight = lastSight(testInfo);
  if (!sight) throw new Error('nothing was noted');
  expect(subjectsOf(testInfo), 'of what passed').toEqual([]);
  const reads = memory.reads.length;
  const { picture, values } = drawingOf(sight);
  expect(memory.reads).toHaveLength(reads);
  expect(picture.body).toContain('<svg');
  for (const text of [
    /^1 page at 0x7f1234567000, seen last:$/m,
    /^ {2}PML4 \[254\]/m,
    /^ {2}PT .*0x800000001f0ba863/m,
  ])
    expect(values.body).toMatch(text);
  expect(values.body).toMatch(/_PAGE_RW\b/);
  expect(values.body).toContain('supervisor only');
});

test('a walk of its own that a test fails by is drawn, with what was expected of it', async ({}, testInfo) => {
  const { memory, space } = tables();
  const walk = walkSync(memory, space, start);
  await expect(Promise.resolve().then(() => expect(walk).toHavePteBits({ set: _PAGE_USER }))).rejects.toThrow(
    '_PAGE_USER (bit 2) is clear',
  );
  expect(subjectsOf(testInfo)).toMatchObject([{ walk, expected: { set: _PAGE_USER } }]);
});
