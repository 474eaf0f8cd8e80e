import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import {
  InvalidArgumentError,
  NonCanonicalAddressError,
  scan,
  scanSync,
  signExtend,
  walkSync,
  x86Space,
  type PhysicalMemory,
} from '../../../lib/paging/index.js';
import { TableBuilder } from './support/table-builder.js';

function space(tables: TableBuilder, maxPhysicalAddress = 46) {
  return x86Space({ cr3: tables.root, levels: tables.levels === 5 ? 5 : 4, maxPhysicalAddress });
}

test('lists every mapping in address order, of all sizes and both halves', () => {
  const tables = new TableBuilder();
  tables.map(0xffff_ffff_8100_0000n, 0x0100_01e3n, 2);
  tables.map(0x7f12_3456_7000n, 0x8000_0000_1f0b_a867n);
  tables.map(0x40_0000n, 0x5025n);
  tables.map(0x1_4000_0000n, 0x4000_00e7n, 3);
  const result = scanSync(tables.memory, space(tables));
  expect(
    [...result].map((mapping) => [mapping.address, mapping.physicalAddress, mapping.size, mapping.raw]),
  ).toEqual([
    [0x40_0000n, 0x5000n, 4096n, 0x5025n],
    [0x1_4000_0000n, 0x4000_0000n, 1n << 30n, 0x4000_00e7n],
    [0x7f12_3456_7000n, 0x1f0b_a000n, 4096n, 0x8000_0000_1f0b_a867n],
    [0xffff_ffff_8100_0000n, 0x100_0000n, 2n << 20n, 0x0100_01e3n],
  ]);
  expect(result).toMatchObject({ length: 4, complete: true, problems: [], problemCount: 0 });
  expect(result.at(2)).toMatchObject({
    level: 1,
    entry: { user: true, noExecute: true },
    leafRights: { write: true, execute: false },
    effectiveRights: { write: true, execute: false, user: true },
  });
  expect(result.at(4)).toBeUndefined();
  expect(result.at(-1)).toBeUndefined();
});

test('entries that are not present and not empty are listed apart, of whatever level and half', () => {
  const tables = new TableBuilder();
  tables.map(0x7f12_3456_7000n, 0x1f0b_a867n);
  tables.map(0x7f12_3456_8000n, 0x120n);
  tables.map(0x7f12_3456_9000n, 1n << 62n);
  tables.map(0x4000_0000n, 0x180n, 2);
  const result = scanSync(tables.memory, space(tables));
  expect(result).toMatchObject({ length: 1, complete: true, problems: [] });
  expect([...result.absent()].map(({ address, level, raw }) => [address, level, raw])).toEqual([
    [0x4000_0000n, 2, 0x180n],
    [0x7f12_3456_8000n, 1, 0x120n],
    [0x7f12_3456_9000n, 1, 1n << 62n],
  ]);
  expect([...scanSync(tables.memory, space(tables), { maxMappings: 1 }).absent()]).toHaveLength(1);
});

test('five levels: addresses beyond 47 bits in both halves', () => {
  const tables = new TableBuilder({ levels: 5 });
  tables.map(0x00ab_cdef_1234_5000n, 0x5067n);
  tables.map(0xff00_0000_0000_0000n, 0x6063n);
  tables.map(0xffff_ffff_8100_0000n, 0x0100_01e3n, 2);
  tables.map(0x1000n, 0x7067n);
  const result = scanSync(tables.memory, space(tables));
  expect([...result].map((mapping) => mapping.address)).toEqual([
    0x1000n,
    0x00ab_cdef_1234_5000n,
    0xff00_0000_0000_0000n,
    0xffff_ffff_8100_0000n,
  ]);
  expect(result.find(0x00ab_cdef_1234_5fffn)?.physicalAddress).toBe(0x5000n);
  expect(scanSync(tables.memory, space(tables), { range: 'kernel' }).length).toBe(2);
});

test('reads each table once, whole, and never a page', () => {
  const tables = new TableBuilder();
  for (let page = 0n; page < 1024n; page += 1n)
    tables.map(0x7f00_0000_0000n + page * 0x1000n, 0x67n | (page << 12n));
  const result = scanSync(tables.memory, space(tables));
  expect(result.length).toBe(1024);
  expect(result.tablesRead).toBe(5);
  expect(tables.memory.reads.map((read) => read.length)).toEqual([4096, 4096, 4096, 4096, 4096]);
});

test('a table shared by several parents is read once and listed at each address', () => {
  const tables = new TableBuilder();
  tables.map(0x1000n, 0x5067n);
  const shared = tables.memory.read64(tables.entryAddress(0x1000n, 2));
  tables.map(0x20_1000n, 0n);
  tables.memory.write64(tables.entryAddress(0x40_1000n, 2), shared);
  tables.memory.write64(tables.entryAddress(0x7f00_0000_1000n, 2), shared & ~4n);
  tables.memory.reads.length = 0;
  const result = scanSync(tables.memory, space(tables));
  expect([...result].map((mapping) => [mapping.address, mapping.effectiveRights.user])).toEqual([
    [0x1000n, true],
    [0x40_1000n, true],
    [0x7f00_0000_1000n, false],
  ]);
  const read = tables.memory.reads.map((request) => request.address);
  expect(new Set(read).size).toBe(read.length);
});

test('a cycle is reported and not followed; everything else is still listed', () => {
  const tables = new TableBuilder();
  tables.map(0x7f12_3456_7000n, 0x5067n);
  tables.set(tables.root, 300, tables.root | 0x67n);
  const pd = tables.entryAddress(0x7f12_3456_7000n, 2);
  tables.memory.write64(pd + 8n, (tables.root + 0x1000n) | 0x67n);
  const result = scanSync(tables.memory, space(tables));
  expect([...result].map((mapping) => mapping.address)).toEqual([0x7f12_3456_7000n]);
  expect(result.problems).toMatchObject([
    { reason: 'cycle', level: 2, entryAddress: pd + 8n, address: 0x7f12_3460_0000n },
    { reason: 'cycle', level: 4, entryAddress: tables.root + 2400n, address: signExtend(300n << 39n, 4) },
  ]);
  expect(result.complete).toBe(true);
});

test('a table outside RAM is reported with the entry that points there', () => {
  const tables = new TableBuilder();
  tables.map(0x1000n, 0x5067n);
  tables.map(0x7f00_0000_0000n, 0x6067n);
  const entryAddress = tables.entryAddress(0x7f00_0000_0000n, 2);
  tables.memory.write64(entryAddress, 0x3f_dead_b067n);
  const result = scanSync(tables.memory, space(tables));
  expect(result.length).toBe(1);
  expect(result.problems).toMatchObject([
    { reason: 'unreadable', address: 0x7f00_0000_0000n, level: 2, entryAddress, raw: 0x3f_dead_b067n },
  ]);
  expect(result.problems[0]?.message).toContain('0x3fdeadb000');
});

test('an unreadable root is a problem of the whole space', () => {
  const tables = new TableBuilder();
  const result = scanSync(tables.memory, x86Space({ cr3: 0xdead_b000n }));
  expect(result.length).toBe(0);
  expect(result.problems).toMatchObject([
    { reason: 'unreadable', level: 4, entryAddress: undefined, raw: undefined },
  ]);
});

test('entries with reserved bits are reported and map nothing', () => {
  const tables = new TableBuilder();
  tables.map(0x1000n, (1n << 47n) | 0x5067n);
  tables.map(0x2000n, 0x6067n);
  tables.map(0x4000_0000n, 0x1f_e0e7n, 2);
  const result = scanSync(tables.memory, space(tables));
  expect([...result].map((mapping) => mapping.address)).toEqual([0x2000n]);
  expect(result.problems).toMatchObject([
    { reason: 'reserved-bits', address: 0x1000n, level: 1 },
    { reason: 'reserved-bits', address: 0x4000_0000n, level: 2 },
  ]);
});

test.describe('ranges', () => {
  const tables = new TableBuilder();
  tables.map(0x1000n, 0x1067n);
  tables.map(0x1f_f000n, 0x2067n);
  tables.map(0x20_0000n, 0x3067n);
  tables.map(0x7fff_ffff_f000n, 0x4067n);
  tables.map(0xffff_8000_0000_0000n, 0x5063n);
  tables.map(0xffff_ffff_ffff_f000n, 0x6063n);
  tables.map(0x4000_0000n, 0x4000_00e7n, 3);
  const addresses = (range: NonNullable<Parameters<typeof scanSync>[2]>['range']) =>
    [...scanSync(tables.memory, space(tables), range === undefined ? {} : { range })].map(
      ({ address }) => address,
    );

  test('halves', () => {
    expect(addresses('user')).toEqual([0x1000n, 0x1f_f000n, 0x20_0000n, 0x4000_0000n, 0x7fff_ffff_f000n]);
    expect(addresses('kernel')).toEqual([0xffff_8000_0000_0000n, 0xffff_ffff_ffff_f000n]);
    expect(addresses('all')).toHaveLength(7);
    expect(addresses(undefined)).toHaveLength(7);
  });

  test('page-exact ends, also in the middle of a table and up to the top', () => {
    expect(addresses({ start: 0x1000n, end: 0x2000n })).toEqual([0x1000n]);
    expect(addresses({ start: 0x2000n, end: 0x1f_f000n })).toEqual([]);
    expect(addresses({ start: 0x2000n, end: 0x20_0000n })).toEqual([0x1f_f000n]);
    expect(addresses({ start: 0x1f_f000n, end: 0x20_1000n })).toEqual([0x1f_f000n, 0x20_0000n]);
    expect(addresses({ start: 0xffff_ffff_ffff_f000n, end: 1n << 64n })).toEqual([0xffff_ffff_ffff_f000n]);
    expect(addresses({ start: 0x7fff_ffff_f000n, end: 0x8000_0000_0000n })).toEqual([0x7fff_ffff_f000n]);
  });

  test('a large page that lies partly in the range is listed', () => {
    expect(addresses({ start: 0x5000_0000n, end: 0x5000_1000n })).toEqual([0x4000_0000n]);
  });

  test('a shared table that the range begins within is gone through whole where it occurs again', () => {
    const shared = new TableBuilder();
    shared.map(0x1000n, 0x5067n);
    shared.map(0x3fff_f000n, 0x6067n);
    const pd = shared.memory.read64(shared.entryAddress(0n, 3));
    shared.memory.write64(shared.entryAddress(0x4000_0000n, 3), pd);
    const range = { start: 0x2000_0000n, end: 0x8000_0000n };
    const result = scanSync(shared.memory, space(shared), { range });
    expect([...result].map(({ address }) => address)).toEqual([0x3fff_f000n, 0x4000_1000n, 0x7fff_f000n]);
    expect(result.complete).toBe(true);
  });

  test('only the tables that the range needs are read', () => {
    tables.memory.reads.length = 0;
    scanSync(tables.memory, space(tables), { range: { start: 0x1000n, end: 0x2000n } });
    expect(tables.memory.reads).toHaveLength(4);
  });

  test('bad ranges are rejected', () => {
    const scanOf = (start: bigint, end: bigint) => () =>
      scanSync(tables.memory, space(tables), { range: { start, end } });
    expect(scanOf(0x2000n, 0x2000n)).toThrow(InvalidArgumentError);
    expect(scanOf(0x2000n, 0x1000n)).toThrow(/empty/);
    expect(scanOf(0x1001n, 0x3000n)).toThrow(/multiple of 4096/);
    expect(scanOf(0x1000n, 0x3001n)).toThrow(/multiple of 4096/);
    expect(scanOf(0x8000_0000_0000n, 0x8000_0000_1000n)).toThrow(NonCanonicalAddressError);
    expect(scanOf(0x1000n, 0x8000_0000_1000n)).toThrow(NonCanonicalAddressError);
  });

  test('find gives the mapping that an address lies in', () => {
    const result = scanSync(tables.memory, space(tables));
    expect(result.find(0x1fffn)?.address).toBe(0x1000n);
    expect(result.find(0x2000n)).toBeUndefined();
    expect(result.find(0xfffn)).toBeUndefined();
    expect(result.find(0x7fff_ffffn)?.address).toBe(0x4000_0000n);
    expect(result.find(0x8000_0000n)).toBeUndefined();
    expect(result.find(0xffff_ffff_ffff_ffffn)?.address).toBe(0xffff_ffff_ffff_f000n);
    expect(() => result.find(0x8000_0000_0000n)).toThrow(NonCanonicalAddressError);
  });
});

test.describe('bounds', () => {
  function many(pages: bigint): TableBuilder {
    const tables = new TableBuilder();
    for (let page = 0n; page < pages; page += 1n) tables.map(page * 0x1000n, (page << 12n) | 0x67n);
    return tables;
  }

  test('maxMappings: what was listed is complete up to the address of the limit', () => {
    const result = scanSync(many(600n).memory, x86Space({ cr3: 0x10_0000n }), { maxMappings: 520 });
    expect(result).toMatchObject({ length: 520, complete: false });
    expect(result.problems).toMatchObject([{ reason: 'limit', address: 520n * 0x1000n }]);
  });

  test('exactly as many as the bound is no limit', () => {
    const result = scanSync(many(520n).memory, x86Space({ cr3: 0x10_0000n }), { maxMappings: 520 });
    expect(result).toMatchObject({ length: 520, complete: true, problemCount: 0 });
  });

  test('maxTables', () => {
    const tables = many(1200n);
    const result = scanSync(tables.memory, space(tables), { maxTables: 4 });
    expect(tables.memory.reads).toHaveLength(4);
    expect(result).toMatchObject({ length: 512, complete: false });
    expect(result.problems).toMatchObject([{ reason: 'limit', address: 0x20_0000n }]);
  });

  test('four tables that name 2^27 paths end in bounded time', () => {
    const tables = new TableBuilder();
    const [pdpt, pd, pt] = [tables.newTable(), tables.newTable(), tables.newTable()];
    for (let index = 0; index < 512; index += 1) {
      tables.set(tables.root, index, pdpt | 0x67n);
      tables.set(pdpt, index, pd | 0x67n);
      tables.set(pd, index, pt | 0x67n);
    }
    const result = scanSync(tables.memory, space(tables), { maxVisits: 10_000 });
    expect(result).toMatchObject({ length: 0, complete: false, tablesRead: 4 });
    expect(result.problems).toMatchObject([{ reason: 'limit' }]);
  });

  test('maxProblems bounds what is kept, not what is counted', () => {
    const tables = new TableBuilder();
    for (let page = 0n; page < 40n; page += 1n) tables.map(page * 0x1000n, (1n << 47n) | 0x67n);
    const result = scanSync(tables.memory, space(tables), { maxProblems: 7 });
    expect(result.problems).toHaveLength(7);
    expect(result.problemCount).toBe(40);
    expect(result.complete).toBe(true);
  });
});

test('an asynchronous reader gets all tables of a level at once, and the result is the same', async () => {
  const tables = new TableBuilder();
  for (let page = 0n; page < 8n; page += 1n) tables.map(0x7f00_0000_0000n + page * 0x20_0000n, 0x5067n);
  let inFlight = 0;
  const peaks: number[] = [];
  const slow: PhysicalMemory = {
    read: async (address, length) => {
      inFlight += 1;
      peaks.push(inFlight);
      await Promise.resolve();
      await Promise.resolve();
      inFlight -= 1;
      return tables.memory.readSync(address, length);
    },
  };
  const result = await scan(slow, space(tables));
  expect(Math.max(...peaks)).toBe(8);
  expect([...result].map((mapping) => mapping.raw)).toEqual(
    [...scanSync(tables.memory, space(tables))].map((mapping) => mapping.raw),
  );
});

test('a table that is met at two levels is read once and understood at both', () => {
  const tables = new TableBuilder();
  tables.map(0x1000n, 0x5067n);
  const pd = tables.memory.read64(tables.entryAddress(0x1000n, 3)) & ~0xfffn;
  // The PD of the first gigabyte is at the same time a PT of the second: its entries are then pages.
  tables.memory.write64(tables.entryAddress(0x4000_0000n, 2), pd | 0x67n);
  const result = scanSync(tables.memory, space(tables));
  const read = tables.memory.reads.map((request) => request.address);
  expect(new Set(read).size).toBe(read.length);
  const pt = tables.memory.read64(pd) & ~0xfffn;
  expect([...result].map((mapping) => [mapping.address, mapping.physicalAddress])).toEqual([
    [0x1000n, 0x5000n],
    [0x4000_0000n, pt],
  ]);
});

test('random table images: every listed mapping is what a walk finds, and nothing hangs', () => {
  // Few frames, so that entries of random tables often point to each other.
  const entry = fc
    .tuple(fc.integer({ min: 0, max: 9 }), fc.constantFrom(0x67n, 0x65n, 0xe7n, 0x63n, 0x66n, 1n << 63n))
    .map(([frame, flags]) => (BigInt(frame) << 12n) | flags | (flags === 1n << 63n ? 0x67n : 0n));
  const cell = fc.record({
    table: fc.integer({ min: 0, max: 7 }),
    index: fc.integer({ min: 0, max: 511 }),
    entry,
  });
  fc.assert(
    fc.property(fc.array(cell, { maxLength: 60 }), (cells) => {
      const tables = new TableBuilder({ base: 0n });
      for (let table = 1; table < 8; table += 1) tables.newTable();
      for (const { table, index, entry: raw } of cells) tables.set(BigInt(table) << 12n, index, raw);
      const target = space(tables);
      const result = scanSync(tables.memory, target, { maxMappings: 5_000, maxVisits: 2_000 });
      let previous = -1;
      for (let row = 0; row < result.length; row += Math.max(1, Math.floor(result.length / 20))) {
        const mapping = result.at(row);
        if (mapping === undefined) return false;
        const walked = walkSync(tables.memory, target, mapping.address);
        const page = result.columns.pageNumber[row] ?? -1;
        const same =
          walked.mapped &&
          walked.pageAddress === mapping.physicalAddress &&
          walked.leaf.raw === mapping.raw &&
          JSON.stringify(walked.effectiveRights) === JSON.stringify(mapping.effectiveRights) &&
          JSON.stringify(walked.leafRights) === JSON.stringify(mapping.leafRights);
        if (!same || page <= previous) return false;
        previous = page;
      }
      return true;
    }),
    { numRuns: 150 },
  );
});
