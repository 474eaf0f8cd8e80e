import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  diffScans,
  nptSpace,
  scanSync,
  x86Space,
  type DiffOptions,
} from '../../../lib/paging/index.js';
import { TableBuilder } from './support/table-builder.js';

type Pages = readonly (readonly [address: bigint, raw: bigint, level?: 1 | 2 | 3])[];

function scanOf(pages: Pages) {
  const tables = new TableBuilder();
  for (const [address, raw, level] of pages) tables.map(address, raw, level ?? 1);
  return scanSync(tables.memory, x86Space({ cr3: tables.root, kernel: '6.1' }));
}

function changes(before: Pages, after: Pages, options?: DiffOptions) {
  return diffScans(scanOf(before), scanOf(after), options).changes;
}

test('clearing _PAGE_USER of a mapping is one change with one name', () => {
  const pages = (flags: bigint): Pages =>
    [0n, 1n, 2n, 3n].map((page) => [0x7f00_0000_0000n + page * 0x1000n, flags | ((page * 5n + 9n) << 12n)]);
  const diff = diffScans(scanOf(pages(0x8000_0000_0000_0867n)), scanOf(pages(0x8000_0000_0000_0863n)));
  expect(diff.changes).toMatchObject([
    {
      kind: 'changed',
      start: 0x7f00_0000_0000n,
      end: 0x7f00_0000_4000n,
      pages: 4,
      before: { raw: 0x8000_0000_0000_9867n, level: 1, physicalAddress: 0x9000n },
      after: { raw: 0x8000_0000_0000_9863n, level: 1, physicalAddress: 0x9000n },
      set: 0n,
      cleared: 4n,
      names: ['-_PAGE_USER'],
      moved: false,
      resized: false,
      rightsChanged: true,
    },
  ]);
  expect(diff.pages).toEqual({ mapped: 0, unmapped: 0, changed: 4 });
  expect(diff.complete).toBe(true);
});

test('what appeared and what went', () => {
  const diff = diffScans(
    scanOf([
      [0x1000n, 0x5067n],
      [0x2000n, 0x6067n],
    ]),
    scanOf([
      [0x2000n, 0x6067n],
      [0x3000n, 0x7067n],
    ]),
  );
  expect(diff.changes).toMatchObject([
    { kind: 'unmapped', start: 0x1000n, end: 0x2000n, before: { raw: 0x5067n }, after: undefined, names: [] },
    { kind: 'mapped', start: 0x3000n, end: 0x4000n, before: undefined, after: { raw: 0x7067n }, names: [] },
  ]);
  expect(diff.pages).toEqual({ mapped: 1, unmapped: 1, changed: 0 });
});

test('equal scans have no difference', () => {
  const pages: Pages = [
    [0x1000n, 0x5067n],
    [0x20_0000n, 0x40_00e7n, 2],
    [0xffff_ffff_ffff_f000n, 0x7063n],
  ];
  expect(changes(pages, pages)).toEqual([]);
});

test('accessed and dirty can be left out, alone or beside another change', () => {
  const ignore = _PAGE_ACCESSED | _PAGE_DIRTY;
  expect(changes([[0x1000n, 0x5007n]], [[0x1000n, 0x5067n]])).toMatchObject([
    { set: 0x60n, cleared: 0n, names: ['+_PAGE_ACCESSED', '+_PAGE_DIRTY'], rightsChanged: false },
  ]);
  expect(changes([[0x1000n, 0x5007n]], [[0x1000n, 0x5067n]], { ignore })).toEqual([]);
  expect(changes([[0x1000n, 0x5007n]], [[0x1000n, 0x5063n]], { ignore })).toMatchObject([
    { set: 0n, cleared: 4n, names: ['-_PAGE_USER'] },
  ]);
});

test('high bits are compared too', () => {
  expect(changes([[0x1000n, 0x5067n]], [[0x1000n, 0x8000_0000_0000_5067n]])).toMatchObject([
    { set: 1n << 63n, cleared: 0n, names: ['+_PAGE_NX'] },
  ]);
  expect(changes([[0x1000n, (1n << 58n) | 0x5067n]], [[0x1000n, 0x5067n]])).toMatchObject([
    { set: 0n, cleared: 1n << 58n, names: ['-_PAGE_SOFTW4'] },
  ]);
});

test('another frame is a move, not a change of flags', () => {
  expect(changes([[0x1000n, 0x5067n]], [[0x1000n, 0x1_0000_9067n]])).toMatchObject([
    {
      kind: 'changed',
      moved: true,
      set: 0n,
      cleared: 0n,
      names: [],
      before: { physicalAddress: 0x5000n },
      after: { physicalAddress: 0x1_0000_9000n },
    },
  ]);
});

test('PAT of a large page is a flag although it lies among the address bits', () => {
  expect(changes([[0x20_0000n, 0x40_00e7n, 2]], [[0x20_0000n, 0x40_10e7n, 2]])).toMatchObject([
    { set: 0x1000n, moved: false, resized: false, names: ['+_PAGE_PAT_LARGE'] },
  ]);
});

test('a large page that was split into equal small ones is one resized change', () => {
  const small: Pages = Array.from(
    { length: 512 },
    (_, page) => [0x20_0000n + BigInt(page) * 0x1000n, 0x40_0067n + BigInt(page) * 0x1000n] as const,
  );
  expect(changes([[0x20_0000n, 0x40_00e7n, 2]], small)).toMatchObject([
    {
      kind: 'changed',
      start: 0x20_0000n,
      end: 0x40_0000n,
      pages: 512,
      resized: true,
      moved: false,
      set: 0n,
      cleared: 0n,
    },
  ]);
  expect(changes(small, [[0x20_0000n, 0x40_00e7n, 2]])).toMatchObject([
    { pages: 512, resized: true, moved: false },
  ]);
});

test('split with a hole, with a page that moved and one without _PAGE_USER', () => {
  const small: Pages = [
    [0x20_0000n, 0x40_0067n],
    [0x20_1000n, 0x40_1063n],
    [0x20_3000n, 0x99_9067n],
  ];
  const found = changes([[0x20_0000n, 0x40_00e7n, 2]], small);
  expect(found.map(({ kind, start, pages, moved, names }) => [kind, start, pages, moved, names])).toEqual([
    ['changed', 0x20_0000n, 1, false, []],
    ['changed', 0x20_1000n, 1, false, ['-_PAGE_USER']],
    ['unmapped', 0x20_2000n, 1, false, []],
    ['changed', 0x20_3000n, 1, true, []],
    ['unmapped', 0x20_4000n, 508, false, []],
  ]);
  expect(found[4]?.before?.physicalAddress).toBe(0x40_4000n);
});

test('rights that an upper level took are a change although no leaf bit changed', () => {
  const tables = new TableBuilder();
  tables.map(0x1000n, 0x5067n);
  const space = x86Space({ cr3: tables.root });
  const before = scanSync(tables.memory, space);
  const pd = tables.entryAddress(0x1000n, 2);
  tables.memory.write64(pd, tables.memory.read64(pd) & ~4n);
  expect(diffScans(before, scanSync(tables.memory, space)).changes).toMatchObject([
    { kind: 'changed', set: 0n, cleared: 0n, moved: false, rightsChanged: true },
  ]);
});

test('neighbours join only with the same change: direction, and the hole between the halves', () => {
  expect(
    changes(
      [
        [0x1000n, 0x5063n],
        [0x2000n, 0x6067n],
      ],
      [
        [0x1000n, 0x5067n],
        [0x2000n, 0x6063n],
      ],
    ),
  ).toHaveLength(2);
  expect(
    changes(
      [],
      [
        [0x1000n, 0x5067n],
        [0x2000n, 0x6063n],
      ],
    ),
  ).toHaveLength(2);
  expect(
    changes(
      [],
      [
        [0x1000n, 0x5067n],
        [0x2000n, 0x9067n],
      ],
    ),
  ).toHaveLength(1);
  expect(
    changes(
      [],
      [
        [0x7fff_ffff_f000n, 0x5067n],
        [0xffff_8000_0000_0000n, 0x6067n],
      ],
    ),
  ).toHaveLength(2);
  expect(
    changes(
      [],
      [
        [0x1000n, 0x5067n],
        [0x3000n, 0x6067n],
      ],
    ),
  ).toHaveLength(2);
});

test('whatever two neighbours do not share keeps them apart', () => {
  // What happens to the first page, and to its neighbour: [before, after] without the frame.
  const NX = 1n << 63n;
  const SOFTW4 = 1n << 58n;
  const pairs: Record<string, [[bigint, bigint], [bigint, bigint]]> = {
    'set, low': [
      [0x63n, 0x67n],
      [0x63n, 0x267n],
    ],
    'set, high': [
      [0x63n, 0x67n],
      [0x63n, SOFTW4 | 0x67n],
    ],
    'cleared, low': [
      [0x67n, 0x63n],
      [0x267n, 0x63n],
    ],
    'cleared, high': [
      [0x67n, 0x63n],
      [SOFTW4 | 0x67n, 0x63n],
    ],
    'set, not cleared': [
      [NX | 0x63n, 0x67n],
      [0x63n, NX | 0x67n],
    ],
    moved: [
      [0x67n, 0x63n],
      [0x67n, 0x10_0063n],
    ],
    'one-sided flags, low': [
      [0n, 0x67n],
      [0n, 0x267n],
    ],
    'one-sided flags, high': [
      [0n, 0x67n],
      [0n, SOFTW4 | 0x67n],
    ],
  };
  for (const [what, pages] of Object.entries(pairs)) {
    const side = (which: 0 | 1): Pages =>
      pages.flatMap((page, index) =>
        page[which] === 0n
          ? []
          : [[BigInt(index + 1) << 12n, page[which] | (BigInt(index + 5) << 12n)] as const],
      );
    expect(changes(side(0), side(1)), what).toHaveLength(2);
  }
});

test('other effective rights keep one-sided neighbours apart too', () => {
  const tables = new TableBuilder();
  tables.map(0x1f_f000n, 0x5067n);
  tables.map(0x20_0000n, 0x6067n);
  const pd = tables.entryAddress(0x20_0000n, 2);
  tables.memory.write64(pd, tables.memory.read64(pd) & ~4n);
  const full = scanSync(tables.memory, x86Space({ cr3: tables.root }));
  expect(diffScans(scanOf([]), full).changes).toHaveLength(2);
});

test('an incomplete scan makes an incomplete diff', () => {
  const tables = new TableBuilder();
  tables.map(0x1000n, 0x5067n);
  tables.map(0x2000n, 0x6067n);
  const space = x86Space({ cr3: tables.root });
  const whole = scanSync(tables.memory, space);
  const part = scanSync(tables.memory, space, { maxMappings: 1 });
  expect(diffScans(part, whole).complete).toBe(false);
  expect(diffScans(whole, part).complete).toBe(false);
});

test('scans of different formats or depths cannot be compared', () => {
  const four = new TableBuilder();
  const five = new TableBuilder({ levels: 5 });
  const x86 = scanSync(four.memory, x86Space({ cr3: four.root }));
  expect(() => diffScans(x86, scanSync(five.memory, x86Space({ cr3: five.root, levels: 5 })))).toThrow(
    /same table format/,
  );
  expect(() => diffScans(x86, scanSync(four.memory, nptSpace({ cr3: four.root })))).toThrow(
    /same table format/,
  );
});

test('property: the diff accounts for every page, and applied backwards it is mirrored', () => {
  const leaf = fc.record({
    page: fc.integer({ min: 0, max: 700 }),
    frame: fc.integer({ min: 0, max: 3 }),
    flags: fc.constantFrom(0x67n, 0x63n, 0x47n, 0x8000_0000_0000_0067n),
  });
  const large = fc.record({ slot: fc.integer({ min: 0, max: 1 }), flags: fc.constantFrom(0xe7n, 0xe3n) });
  const image = fc.record({ small: fc.array(leaf, { maxLength: 30 }), large: fc.option(large) });
  const pagesOf = ({
    small,
    large: big,
  }: {
    small: { page: number; frame: number; flags: bigint }[];
    large: { slot: number; flags: bigint } | null;
  }): Pages => {
    const bigSlot = big === null ? -1 : big.slot;
    return [
      ...(big === null ? [] : [[BigInt(big.slot) * 0x20_0000n, 0x4000_0000n | big.flags, 2] as const]),
      ...small
        .filter(({ page }) => Math.floor(page / 512) !== bigSlot)
        .map(({ page, frame, flags }) => [BigInt(page) << 12n, (BigInt(frame) << 12n) | flags] as const),
    ];
  };
  const perPage = (pages: Pages) => {
    const map = new Map<number, string>();
    for (const [address, raw, level] of pages) {
      const first = Number(address >> 12n);
      for (let page = first; page < first + (level === 2 ? 512 : 1); page += 1)
        map.set(page, `${raw},${level ?? 1}`);
    }
    return map;
  };
  fc.assert(
    fc.property(image, image, (a, b) => {
      const [before, after] = [pagesOf(a), pagesOf(b)];
      const there = diffScans(scanOf(before), scanOf(after));
      const back = diffScans(scanOf(after), scanOf(before));
      const [old, now] = [perPage(before), perPage(after)];
      const expected = { mapped: 0, unmapped: 0, changed: 0 };
      for (const page of new Set([...old.keys(), ...now.keys()])) {
        if (!old.has(page)) expected.mapped += 1;
        else if (!now.has(page)) expected.unmapped += 1;
        else if (old.get(page) !== now.get(page)) expected.changed += 1;
      }
      const sorted = there.changes.every(
        (change, index) => index === 0 || change.start >= (there.changes[index - 1]?.end ?? 0n),
      );
      return (
        JSON.stringify(there.pages) === JSON.stringify(expected) &&
        back.pages.mapped === there.pages.unmapped &&
        back.pages.changed === there.pages.changed &&
        sorted
      );
    }),
    { numRuns: 150 },
  );
});
