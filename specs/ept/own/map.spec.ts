import { expect } from '../../../fixtures/index.js';
import { test } from '../../../fixtures/ept.js';
import { EptLab } from '../../../lib/guest/ept-lab/ept-lab.js';
import { pageTraffic } from './support/page-traffic.js';
import {
  decodeEptp,
  diffScans,
  decodeEptEntry,
  type Level,
  mappedRanges,
  type PhysicalMemory,
  scan,
  walk,
} from '../../../lib/paging/index.js';

/** Where the kernel maps all physical memory, with four levels of tables and without KASLR (Documentation/x86/x86_64/mm.rst). */
const directMap = 0xffff_8880_0000_0000n;
const largePage = 2n << 20n;
const whole = 512n << 30n;
const first = 3n * largePage;
const second = 200n * largePage;

test('an identity map of 2^18 pages of 2 MiB takes 514 tables, and all of it is seen from outside', async ({
  lab,
  bochs,
  memory,
}) => {
  await lab.build();
  const { eptp, tables } = await lab.state();
  expect(tables).toBe(1 + 1 + 512);
  expect(decodeEptp(eptp)).toMatchObject({
    memoryType: 'WB',
    walkLength: 4,
    accessDirty: false,
    problems: [],
  });

  const space = await lab.space();
  const before = await bochs.paused(() => scan(memory.memory, space));
  expect(before).toMatchObject({ length: 2 ** 18, tablesRead: 514, problemCount: 0, complete: true });
  expect(mappedRanges(before, { contiguous: true })).toEqual([
    expect.objectContaining({ start: 0n, end: whole, pageSize: largePage, physicalAddress: 0n }),
  ]);
  const leaf = before.find(second)?.entry;
  expect(leaf).toMatchObject({ memoryType: 'WB', read: true, write: true, execute: true, large: true });

  // The seed's modifyEpt: two addresses, one frame. Exactly one entry is another.
  await lab.alias(first, second);
  const aliased = await bochs.paused(() => scan(memory.memory, space));
  const change = diffScans(before, aliased);
  expect(change.changes).toEqual([
    expect.objectContaining({
      kind: 'changed',
      start: second,
      end: second + largePage,
      moved: true,
      names: [],
    }),
  ]);
  expect(aliased.find(second)?.physicalAddress).toBe(first);
  expect(aliased.find(first)?.physicalAddress).toBe(first);
});

test('a swap changes two entries and is undone by another', async ({ lab, bochs, memory }) => {
  await lab.build();
  const space = await lab.space();
  const range = { range: { start: 0n, end: 1n << 30n } };
  const look = () => bochs.paused(() => scan(memory.memory, space, range));
  const before = await look();
  await lab.swap(first, second);
  const swapped = await look();
  expect(diffScans(before, swapped).changes.map(({ start, end }) => [start, end])).toEqual([
    [first, first + largePage],
    [second, second + largePage],
  ]);
  expect(swapped.find(first + 5n)?.physicalAddress).toBe(second);
  expect(swapped.find(second + 5n)?.physicalAddress).toBe(first);
  await lab.swap(second, first);
  expect(diffScans(before, await look()).changes).toEqual([]);
  await lab.free();
  expect(await lab.state()).toEqual({ eptp: 0n, tables: 0 });
});

test('when the allocation of a table fails, every table before it is freed', async ({ lab, guest }) => {
  for (const failAt of [1, 2, 3, 60]) {
    await test.step(`table ${failAt}`, async () => {
      const { allocated, freed } = await pageTraffic(guest, () =>
        expect(lab.build(failAt)).rejects.toThrow(/memory/i),
      );
      expect(allocated).toHaveLength(failAt - 1);
      expect(freed).toEqual(expect.arrayContaining(allocated));
      expect(await lab.state()).toEqual({ eptp: 0n, tables: 0 });
    });
  }
});

test('all 514 tables, as they are seen from outside, are freed when the module is unloaded', async ({
  guest,
  bochs,
  memory,
}) => {
  const lab = await EptLab.load(guest);
  const { allocated } = await pageTraffic(guest, () => lab.build());
  const space = await lab.space();
  // Every table but the top one is what an entry leads to.
  const seen = await bochs.paused(() => tablesOf(memory.memory, space.root, 4));
  expect(seen).toHaveLength(514);
  expect([...allocated].sort()).toEqual(seen.map((table) => directMap + table).sort());
  const { freed } = await pageTraffic(guest, () => lab.unload());
  expect(freed).toEqual(expect.arrayContaining(allocated));
});

interface Wrong {
  readonly what: string;
  readonly level: 2 | 3;
  readonly change: (entry: bigint) => bigint;
  readonly rule: string;
}

const wrongs: readonly Wrong[] = [
  { what: 'write-only', level: 2, change: (entry) => (entry & ~7n) | 0b010n, rule: 'write-without-read' },
  {
    what: 'write and execute',
    level: 2,
    change: (entry) => (entry & ~7n) | 0b110n,
    rule: 'write-without-read',
  },
  ...[2n, 3n, 7n].map((type) => ({
    what: `memory type ${type}`,
    level: 2 as const,
    change: (entry: bigint) => (entry & ~0x38n) | (type << 3n),
    rule: 'memory-type',
  })),
  { what: 'an address bit below 2 MiB', level: 2, change: (entry) => entry | 0x1000n, rule: 'reserved-bits' },
  {
    what: 'a memory type in a table entry',
    level: 3,
    change: (entry) => entry | 0x30n,
    rule: 'reserved-bits',
  },
];

test('a misconfigured entry is recognised with the rule that it breaks', async ({ lab, bochs, memory }) => {
  await lab.build();
  const space = await lab.space();
  const look = () => bochs.paused(() => walk(memory.memory, space, second));
  const good = await look();
  expect(good.fault).toBeUndefined();
  for (const { what, level, change, rule } of wrongs) {
    await test.step(what, async () => {
      const entry = good.steps.find((step) => step.entry.level === level)?.entry.raw ?? 0n;
      await lab.set(second, level, change(entry));
      const { fault, steps } = await look();
      expect(fault).toMatchObject({ reason: 'misconfiguration', level });
      expect(steps.at(-1)?.entry.violations.map((violation) => violation.rule)).toEqual([rule]);
      await lab.set(second, level, entry);
    });
  }
  await lab.set(second, 2, 0n);
  expect((await look()).fault).toMatchObject({ reason: 'not-present', level: 2 });
});

async function tablesOf(memory: PhysicalMemory, table: bigint, level: Level): Promise<bigint[]> {
  if (level === 2) return [table];
  const bytes = Buffer.from(await memory.read(table, 4096));
  const entries = Array.from({ length: 512 }, (_, index) => bytes.readBigUInt64LE(8 * index));
  const below: bigint[][] = [];
  for (const raw of entries) {
    const { present, address = 0n } = decodeEptEntry(raw, level);
    if (present) below.push(await tablesOf(memory, address, (level - 1) as Level));
  }
  return [table, ...below.flat()];
}
