import { test } from '@playwright/test';

import { drawingOf } from '../../../fixtures/evidence/pictures.js';
import { attachOnFailure, lastSight, noteOwnWalk, subjectsOf } from '../../../fixtures/evidence/subjects.js';
import { expect } from '../../../fixtures/matchers/index.js';
import {
  _PAGE_USER,
  eptSpace,
  walk,
  walkNested,
  walkRangeSync,
  walkSync,
  x86Space,
} from '../../../lib/paging/index.js';
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

test("a walk of a test's own is seen, too, in the letters of its tables", async ({}, testInfo) => {
  const { memory, space } = tables();
  const ept = new TableBuilder({ memory, base: 0x90_0000n, tableFlags: 0x907n });
  // The tables of the first dimension, and the page itself.
  for (const gpa of [0x10_0000n, 0x10_1000n, 0x10_2000n, 0x10_3000n, 0x1f0b_a000n])
    ept.map(gpa, gpa | 0xb33n);
  const second = eptSpace({ eptp: ept.root | 0x5en });
  await walk(memory, second, 0x10_0000n);
  expect(lastSight(testInfo), 'nobody asked to be told').toBeUndefined();
  Object.assign(memory, { onWalk: noteOwnWalk });
  await walk(memory, second, 0x10_0000n);
  const valuesOf = () =>
    drawingOf(lastSight(testInfo) ?? { title: '', seen: walkSync(memory, space, 0n) }).values.body;
  expect(valuesOf()).toMatch(/^0x100000 in tables of format ept, seen last:$/m);
  expect(valuesOf()).toMatch(/^ {2}PT .* 0x100b33 {2}P R W - A D\n {2}4 KiB page at 0x100000; .* rw-$/m);
  const nested = await walkNested(memory, { guest: space, second }, start);
  expect(valuesOf()).toMatch(
    /two dimensions, seen last:\nWalk of 0x7f[^]*P W - A D - NX\n[^]*Walk of 0x1f0ba000 [^]* P R W - A D\n/,
  );
  // A fixture's own picture, made when the test has failed, goes before what the test saw, and does not replace it.
  attachOnFailure({ title: 'where L2 stands', draw: () => Promise.resolve('<svg/>') });
  expect(subjectsOf(testInfo)).toMatchObject([{ title: 'where L2 stands' }, { walk: nested, isPlain: true }]);
});
