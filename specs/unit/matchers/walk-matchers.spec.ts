import { test } from '@playwright/test';

import { expect } from '../../../fixtures/matchers/index.js';
import {
  _PAGE_NX,
  _PAGE_RW,
  _PAGE_USER,
  decodeEptEntry,
  decodeX86Entry,
  eptSpace,
  type Walk,
  walkRangeSync,
  walkSync,
  type X86Entry,
  x86Space,
} from '../../../lib/paging/index.js';
import { TableBuilder } from '../paging/support/table-builder.js';

const start = 0x7f12_3456_7000n;
const cleared = 0x8000_0000_1f0b_a863n;
const user = 0x8000_0000_1f0b_a867n;

/** The message with which an assertion fails. */
async function messageOf(assertion: unknown): Promise<string> {
  try {
    await assertion;
  } catch (error) {
    // Playwright colours its own part of a message, not ours.
    return (error as Error).message;
  }
  throw new Error('the assertion holds');
}

function caught(assertion: () => void): Promise<string> {
  return messageOf(Promise.resolve().then(assertion));
}

function tables(leaves: Record<number, bigint>): TableBuilder {
  const builder = new TableBuilder();
  builder.entryAddress(start, 1);
  for (const [page, raw] of Object.entries(leaves)) builder.map(start + BigInt(page) * 4096n, raw);
  return builder;
}

function walkOf(builder: TableBuilder, page = 0) {
  return walkSync(builder.memory, x86Space({ cr3: builder.root }), start + BigInt(page) * 4096n);
}

test('bits of an entry, of a walk and of a run of pages', async () => {
  const builder = tables({ 0: cleared, 1: cleared, 2: cleared });
  for (const subject of [
    decodeX86Entry(cleared, 1),
    walkOf(builder),
    walkRangeSync(builder.memory, x86Space({ cr3: builder.root }), start, 3),
  ]) {
    await expect(subject).toHaveUserBitCleared();
    await expect(subject).toHavePteBits({ set: _PAGE_RW | _PAGE_NX, cleared: _PAGE_USER });
    await expect(subject).not.toHavePteBits({ set: _PAGE_USER });
    const failure = await messageOf(expect(subject).toHavePteBits({ set: _PAGE_USER, cleared: _PAGE_NX }));
    expect(failure).toContain('_PAGE_USER (bit 2) is clear, _PAGE_NX (bit 63) is set');
    expect(await messageOf(expect(subject).not.toHaveUserBitCleared())).toContain('was expected not to');
  }
});

test('an entry that is not there is not cleared, whatever its bits', async () => {
  const builder = tables({ 0: 0n, 1: cleared & ~1n });
  for (const subject of [decodeX86Entry(cleared & ~1n, 1), walkOf(builder), walkOf(builder, 1)]) {
    expect(await messageOf(expect(subject).toHaveUserBitCleared())).toMatch(/1 of 1 are not mapped at all/);
  }
});

test('a walk is shown level by level, with the bit that is wrong', async () => {
  const failure = await messageOf(expect(walkOf(tables({ 0: user }))).toHaveUserBitCleared());
  for (const line of [
    /PML4 \[254\]/,
    /PDPT \[ 72\]/,
    /PD {3}\[418\]/,
    /PT {3}\[359\].*<- _PAGE_USER \(bit 2\) is set/,
  ]) {
    expect(failure).toMatch(line);
  }
});

test('a million pages make a short message', async () => {
  const builder = tables({});
  const pages = 1 << 20;
  // One page table for all of them: 512 entries, of which every other one is wrong.
  const table = builder.entryAddress(start, 1) & ~0xfffn;
  for (let index = 0; index < 512; index += 1) builder.set(table, index, index % 2 === 0 ? cleared : user);
  const first = start & ~0x3fff_ffffn;
  const directory = builder.newTable();
  for (let index = 0; index < 512; index += 1) builder.set(directory, index, table | 0x67n);
  for (let gib = 0n; gib < 4n; gib += 1n) {
    builder.memory.write64(builder.entryAddress(first + (gib << 30n), 3), directory | 0x67n);
  }
  const run = walkRangeSync(builder.memory, x86Space({ cr3: builder.root }), first, pages);
  const failure = await messageOf(expect(run).toHaveUserBitCleared());
  expect(failure).toContain(`${pages / 2} of ${pages} do not`);
  expect(failure.length).toBeLessThan(3_000);
});

test('what is mapped, and to where', async () => {
  const builder = tables({ 0: cleared, 1: cleared + 0x1000n, 2: 0n, 3: cleared + 0x9000n });
  const space = x86Space({ cr3: builder.root });
  const run = (pages: number) => walkRangeSync(builder.memory, space, start, pages);
  await expect(walkOf(builder)).toBeMapped();
  await expect(walkOf(builder, 2)).not.toBeMapped();
  await expect(run(2)).toBeMapped();
  await expect(run(3)).not.toBeMapped();
  expect(await messageOf(expect(walkOf(builder, 2)).toBeMapped())).toMatch(
    /PT entry at 0x[0-9a-f]+ = 0x0: the entry is not present/,
  );
  expect(await messageOf(expect(run(4)).toBeMapped())).toMatch(
    /1 of 4 are not mapped \(pages 2\): not-present/,
  );

  await expect(walkSync(builder.memory, space, start + 0x123n)).toTranslateTo(0x1f0b_a123n);
  await expect(run(2)).toTranslateTo(0x1f0b_a000n);
  await expect(run(2)).toTranslateTo([0x1f0b_a000n, 0x1f0b_b000n]);
  await expect(run(2)).not.toTranslateTo([0x1f0b_a000n]);
  // Absent is never frame 0.
  await expect(walkOf(builder, 2)).not.toTranslateTo(0n);
  await expect(walkRangeSync(builder.memory, space, start + 0x2000n, 1)).not.toTranslateTo(0n);
  expect(await messageOf(expect(run(4)).toTranslateTo(0x1f0b_a000n))).toMatch(
    /2 of 4 translate otherwise \(pages 2-3\)\. Page 2: not mapped, expected 0x1f0bc000/,
  );
  expect(await messageOf(expect(walkOf(builder)).toTranslateTo(1n))).toContain(
    'translates to 0x1f0ba000, expected 0x1',
  );
});

test('what the hardware faults on is misconfigured', async () => {
  expect(decodeX86Entry(0x8000_0000_2000_20e7n, 2)).toBeMisconfigured('reserved-bits');
  expect(decodeX86Entry(user, 1)).not.toBeMisconfigured();
  expect(decodeEptEntry(0b110n, 1)).toBeMisconfigured('write-without-read');
  expect(decodeEptEntry(0b110n, 1)).not.toBeMisconfigured('memory-type');
  expect(
    await caught(() => {
      expect(decodeX86Entry(user, 1)).toBeMisconfigured();
    }),
  ).toContain('breaks no rule');
  // The message about a walk, of EPT too, shows it level by level.
  const builder = new TableBuilder({ tableFlags: 7n });
  builder.map(0x5000n, 0x1f0b_a000n | 0b110n);
  const walk = walkSync(builder.memory, eptSpace({ eptp: builder.root | 0x1en }), 0x5000n);
  expect(walk).toBeMisconfigured();
  const failure = await caught(() => {
    expect(walk).not.toBeMisconfigured();
  });
  expect(failure).toMatch(/PT {3}\[ {2}5\]/);
});

test('anything else is refused by name', async () => {
  // As a program without types would do it: a raw value has no level, and neither does it translate.
  const raw = user as unknown as X86Entry;
  expect(await messageOf(expect(raw).toHaveUserBitCleared())).toContain('decodeX86Entry');
  expect(await messageOf(expect(user as unknown as Walk).toBeMapped())).toContain('Expected a walk');
});
