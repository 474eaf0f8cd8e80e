import { test } from '@playwright/test';

import { expect } from '../../../fixtures/matchers/index.js';
import {
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_PROTNONE,
  _PAGE_RW,
  _PAGE_USER,
  decodeX86Entry,
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

test('an entry that is not there is judged where that is asked for', async () => {
  const closed = 0xf_ffff_e0f4_5120n;
  const builder = tables({ 0: closed });
  const run = walkRangeSync(builder.memory, x86Space({ cr3: builder.root }), start, 1);
  for (const subject of [decodeX86Entry(closed, 1), walkOf(builder), run]) {
    await expect(subject).toHavePteBits({ set: _PAGE_PROTNONE, cleared: _PAGE_PRESENT });
    await expect(subject).not.toHavePteBits({ set: _PAGE_RW, cleared: _PAGE_PRESENT });
    expect(
      await messageOf(expect(subject).toHavePteBits({ set: _PAGE_RW, cleared: _PAGE_PRESENT })),
    ).toContain('_PAGE_RW (bit 1) is clear');
    expect(await messageOf(expect(subject).toHavePteBits({ set: _PAGE_USER }))).toContain(
      'not-present (PROT_NONE, page at 0x1f0ba000)',
    );
  }
  const present = decodeX86Entry(cleared, 1);
  expect(await messageOf(expect(present).toHavePteBits({ cleared: _PAGE_PRESENT }))).toContain(
    '_PAGE_PRESENT (bit 0) is set',
  );
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

test('anything else is refused by name', async () => {
  // As a program without types would do it: a raw value has no level.
  const raw = user as unknown as X86Entry;
  expect(await messageOf(expect(raw).toHaveUserBitCleared())).toContain('decodeX86Entry');
});
