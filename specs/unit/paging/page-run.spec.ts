import { expect, test } from '@playwright/test';
import {
  AddressTooWideError,
  eptSpace,
  InvalidArgumentError,
  NonCanonicalAddressError,
  walkRange,
  walkRangeSync,
  walkSync,
  x86Space,
} from '../../../lib/paging/index.js';
import { TableBuilder } from './support/table-builder.js';

const START = 0x7f00_0000_0000n;

test('65,536 pages of one mapping: every page has a row, and each table is read once', () => {
  const tables = new TableBuilder();
  for (let page = 0n; page < 65_536n; page += 1n) {
    tables.map(
      START + page * 0x1000n,
      0x8000_0000_0000_0863n | ((page + 7n) << 12n) | (page === 40_000n ? 4n : 0n),
    );
  }
  const run = walkRangeSync(tables.memory, x86Space({ cr3: tables.root }), START, 65_536);
  expect(run.length).toBe(65_536);
  expect(run.mappedCount).toBe(65_536);
  expect(tables.memory.reads).toHaveLength(1 + 1 + 1 + 128);
  expect([...run.failing({ cleared: 4n })]).toEqual([40_000]);
  expect(run.failing({ set: 0x1n | (1n << 63n), cleared: 0x2000_0000_0000_0000n })).toHaveLength(0);
  expect(run.failing({ set: 4n })).toHaveLength(65_535);
  expect(run.failing({ set: 1n << 62n })).toHaveLength(65_536);
  expect(run.failing({ cleared: 1n << 63n })).toHaveLength(65_536);
  expect(run.at(40_000)).toMatchObject({
    address: START + 40_000n * 0x1000n,
    status: 'mapped',
    level: 1,
    entry: { user: true },
    physicalAddress: 40_007n << 12n,
    leafRights: { user: true, write: true, execute: false },
    effectiveRights: { user: true },
  });
});

test('agrees with a walk of every page, whatever its fate', () => {
  const tables = new TableBuilder();
  const space = x86Space({ cr3: tables.root, maxPhysicalAddress: 46 });
  tables.map(START, 0x5067n);
  tables.map(START + 0x1000n, 0x8000_0000_0000_6066n);
  tables.map(START + 0x2000n, (1n << 46n) | 0x7067n);
  tables.map(START + 0x3000n, 0x8065n);
  tables.map(START + 0x20_0000n, 0x4000_00e7n, 2);
  tables.map(START + 0x40_0000n, 0x9067n);
  tables.memory.write64(tables.entryAddress(START + 0x40_0000n, 2), 0x3f_dead_b067n);
  tables.map(START + 0x80_0000n, 0xa067n);
  const pages = 512 * 4 + 2;
  const run = walkRangeSync(tables.memory, space, START, pages);
  const seen = new Set<string>();
  for (const page of [0n, 1n, 2n, 512n, 1024n, 1536n]) {
    const first = START + page * 0x1000n;
    expect(walkRangeSync(tables.memory, space, first, 4).first()).toEqual(
      walkSync(tables.memory, space, first),
    );
  }
  for (let index = 0; index < pages; index += 1) {
    const page = run.at(index);
    const walked = walkSync(tables.memory, space, START + BigInt(index) * 0x1000n);
    seen.add(page?.status ?? '');
    const expected = walked.mapped
      ? ['mapped', walked.leaf.level, walked.leaf.raw, walked.physicalAddress]
      : [walked.fault.reason, walked.fault.level, walked.fault.raw, undefined];
    const actual = [page?.status, page?.level, page?.raw, page?.physicalAddress];
    if (JSON.stringify(actual.map(String)) !== JSON.stringify(expected.map(String))) {
      expect(actual, `page ${index}`).toEqual(expected);
    }
  }
  expect([...seen].sort()).toEqual(['mapped', 'not-present', 'reserved-bits', 'unreadable']);
  expect(run.mappedCount).toBe(1 + 1 + 512 + 1);
  expect([...run.unmapped()].slice(0, 3)).toEqual([1, 2, 4]);
  expect(run.unmapped()).toHaveLength(pages - run.mappedCount);
  expect([...run].length).toBe(pages);
});

test('pages that are not mapped are not among the failing ones', () => {
  const tables = new TableBuilder();
  tables.map(START, 0x5067n);
  const run = walkRangeSync(tables.memory, x86Space({ cr3: tables.root }), START, 3);
  expect([...run.failing({ cleared: 4n })]).toEqual([0]);
  expect([...run.failing({ set: 4n })]).toEqual([]);
});

test('where absence is asked for, entries that are not present are judged, and no others', () => {
  const tables = new TableBuilder();
  tables.map(START, 0x5067n);
  tables.map(START + 0x2000n, 0x120n);
  tables.map(START + 0x20_0000n, 0xdead_b067n, 2);
  const run = walkRangeSync(tables.memory, x86Space({ cr3: tables.root }), START, 513);
  const absent = { set: 0x100n, cleared: 1n };
  expect([...run.failing(absent)].slice(0, 3)).toEqual([0, 1, 3]);
  expect([...run.failing({ cleared: 1n })]).toEqual([0]);
  expect([...run.unjudged(absent)]).toEqual([512]);
  expect(run.unjudged({ cleared: 4n })).toHaveLength(512);
});

test('a run may begin and end within a large page', () => {
  const tables = new TableBuilder();
  tables.map(START, 0x4000_00e7n, 2);
  const run = walkRangeSync(tables.memory, x86Space({ cr3: tables.root }), START + 0x5000n, 3);
  expect([...run].map((page) => page.physicalAddress)).toEqual([0x4000_5000n, 0x4000_6000n, 0x4000_7000n]);
  expect(run.mappedCount).toBe(3);
});

test('an unreadable root and a cycle are statuses of the pages behind them', () => {
  const tables = new TableBuilder();
  const unreadable = walkRangeSync(tables.memory, x86Space({ cr3: 0xdead_b000n }), START, 2);
  expect(unreadable.at(1)).toMatchObject({ status: 'unreadable', level: 4, raw: undefined });
  tables.set(tables.root, 254, tables.root | 0x67n);
  const cyclic = walkRangeSync(tables.memory, x86Space({ cr3: tables.root }), START, 2);
  expect(cyclic.at(0)).toMatchObject({ status: 'cycle', level: 4, raw: tables.root | 0x67n });
});

test('the last page of the address space, and one page too many', () => {
  const tables = new TableBuilder();
  tables.map(0xffff_ffff_ffff_f000n, 0x5063n);
  const space = x86Space({ cr3: tables.root });
  expect(walkRangeSync(tables.memory, space, 0xffff_ffff_ffff_f000n, 1).mappedCount).toBe(1);
  expect(() => walkRangeSync(tables.memory, space, 0x7fff_ffff_f000n, 2)).toThrow(NonCanonicalAddressError);
});

test('bad starts and counts are rejected', async () => {
  const tables = new TableBuilder();
  const space = x86Space({ cr3: tables.root });
  expect(() => walkRangeSync(tables.memory, space, START, 0)).toThrow(InvalidArgumentError);
  expect(() => walkRangeSync(tables.memory, space, START, 1.5)).toThrow(InvalidArgumentError);
  expect(() => walkRangeSync(tables.memory, space, START, 2 ** 24 + 1)).toThrow(InvalidArgumentError);
  expect(() => walkRangeSync(tables.memory, space, START + 1n, 1)).toThrow(/multiple of 4096/);
  await expect(walkRange(tables.memory, space, START, 0)).rejects.toThrow(InvalidArgumentError);
  const ept = eptSpace({ eptp: tables.root | 0x1en });
  expect(() => walkRangeSync(tables.memory, ept, 1n << 48n, 1)).toThrow(AddressTooWideError);
});

test('the asynchronous driver gives the same rows', async () => {
  const tables = new TableBuilder();
  tables.map(START, 0x5067n);
  const run = await walkRange(tables.memory, x86Space({ cr3: tables.root }), START, 2);
  expect([...run].map((page) => [page.status, page.raw])).toEqual([
    ['mapped', 0x5067n],
    ['not-present', 0n],
  ]);
});
