import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import {
  checkClearing,
  pagesFrom,
  pairClearings,
  parseKernelLog,
} from '../../../lib/guest/kernel-log/index.js';
import type { ClearingFinding, ExpectedPage } from '../../../lib/guest/kernel-log/index.js';
import { cleared, clearing, kmsg, leaf, pair } from './clearing-log.js';

const A = 0x7f12_3456_7000n;
const B = A + 0x1000n;

function check(lines: readonly (string | undefined)[], pages: readonly ExpectedPage[]): ClearingFinding[] {
  return checkClearing(pairClearings(kmsg(lines)), pages);
}

function kinds(findings: readonly ClearingFinding[]): string[] {
  return findings.map(({ kind }) => kind);
}

test('the two lines of a cleared page are a pair', () => {
  const log = `[  123.456789] VFIO: Clearing _PAGE_USER at vaddr 0x7f1234567000, old PTE: 0x80000001234567
[  123.456790] VFIO: Successfully cleared _PAGE_USER at vaddr 0x7f1234567000, new PTE: 0x80000001234563
`;
  const { records } = pairClearings(parseKernelLog(log, { format: 'dmesg' }));
  expect(records).toHaveLength(1);
  expect(records[0]).toMatchObject({
    address: 0x7f1234567000n,
    seen: 'both',
    oldPte: 0x80000001234567n,
    newPte: 0x80000001234563n,
  });
  expect(records[0]?.entry.time).toBe(123.456789);
});

test('a mapping whose every page has its pair has no finding', () => {
  const lines = [...pair(A, leaf(1)), ...pair(B, leaf(2))];
  expect(check(lines, pagesFrom(A, 2))).toEqual([]);
});

test('lines of several CPUs may mix', () => {
  const [a1 = '', a2 = ''] = pair(A, leaf(1));
  const [b1 = '', b2 = ''] = pair(B, leaf(2));
  expect(check([a1, b1, 'usb 1-1: something else', b2, a2], pagesFrom(A, 2))).toEqual([]);
});

test('an address that is mapped again has a pair for each time, also when both are open at once', () => {
  const twice = [{ address: A }, { address: A }];
  expect(check([...pair(A, leaf(1)), ...pair(A, leaf(2))], twice)).toEqual([]);
  const [one, two] = [leaf(1), leaf(2)];
  const mixed = [clearing(A, one), clearing(A, two), cleared(A, two & ~4n), cleared(A, one & ~4n)];
  expect(check(mixed, twice)).toEqual([]);
  expect(pairClearings(kmsg(mixed)).records.map(({ newPte }) => newPte)).toEqual([one & ~4n, two & ~4n]);
});

test('pages of several processes at one address are told apart by their frames', () => {
  const [child, parent] = [leaf(1), leaf(2)];
  const both = [parent, child].map((before) => ({ address: A, before, after: before & ~4n }));
  expect(check([...pair(A, child), ...pair(A, parent)], both)).toEqual([]);
  // What the log says of the one is not taken for the other's.
  expect(check(pair(A, child), both)).toMatchObject([
    { kind: 'not-logged', message: expect.stringContaining('0x8000000000002863') as unknown },
  ]);
});

test('of a page that was cleared before, the log may say so again, or not', () => {
  const [open, closed] = [leaf(1), leaf(1) & ~4n];
  const twice = [open, closed].map((before) => ({ address: A, before, after: closed }));
  expect(check(pair(A, open), twice)).toEqual([]);
  expect(check([...pair(A, open), ...pair(A, closed)], twice)).toEqual([]);
  expect(check([], twice).map(({ kind }) => kind)).toEqual(['not-logged']);
});

test('A and D may differ, as the CPU sets them when it likes', () => {
  const before = leaf(1) & ~0x60n;
  const page = { address: A, before, after: leaf(1) & ~4n };
  expect(check([clearing(A, before), cleared(A, (before | 0x40n) & ~4n)], [page])).toEqual([]);
});

const faults: { name: string; lines: string[]; page?: Partial<ExpectedPage>; kind: string; says: string }[] =
  [
    {
      name: 'nothing logged, though cleared',
      lines: [],
      page: { after: leaf(1) & ~4n },
      kind: 'not-logged',
      says: '0x7f1234567000: mapped, but the log has no line for it; in memory the entry is 0x8000000000001863, _PAGE_USER (bit 2) clear',
    },
    {
      name: 'the second line is missing',
      lines: [clearing(A, leaf(1))],
      kind: 'not-confirmed',
      says: "0x7f1234567000: 'Clearing' (old PTE 0x8000000000001867) without 'Successfully cleared'",
    },
    {
      name: 'the first line is missing',
      lines: [cleared(A, leaf(1) & ~4n)],
      kind: 'not-announced',
      says: "0x7f1234567000: 'Successfully cleared' (new PTE 0x8000000000001863) without 'Clearing'",
    },
    {
      name: 'the bit stays set in the log',
      lines: [clearing(A, leaf(1)), cleared(A, leaf(1))],
      kind: 'new-not-done',
      says: "0x7f1234567000: 'Successfully cleared', but new PTE 0x8000000000001867 has _PAGE_USER (bit 2) set",
    },
    {
      name: 'logged, but not cleared in memory',
      lines: pair(A, leaf(1)),
      page: { after: leaf(1) },
      kind: 'new-not-as-in-memory',
      says: '0x7f1234567000: new PTE in the log 0x8000000000001863, in memory 0x8000000000001867: _PAGE_USER (bit 2) set in memory',
    },
    {
      name: 'W is cleared along with U',
      lines: [clearing(A, leaf(1)), cleared(A, leaf(1) & ~6n)],
      kind: 'other-bits-changed',
      says: '0x7f1234567000: old PTE 0x8000000000001867 → new PTE 0x8000000000001861 changes more than _PAGE_USER: _PAGE_RW (bit 1) cleared, _PAGE_USER (bit 2) cleared',
    },
    {
      name: 'a bit without a name, and XD',
      lines: [clearing(A, leaf(1)), cleared(A, (leaf(1) & ~4n) ^ (1n << 63n) ^ (1n << 55n))],
      kind: 'other-bits-changed',
      says: '0x7f1234567000: old PTE 0x8000000000001867 → new PTE 0x80000000001863 changes more than _PAGE_USER: _PAGE_USER (bit 2) cleared, bit 55 set, _PAGE_NX (bit 63) cleared',
    },
    {
      name: 'another frame',
      lines: [clearing(A, leaf(1)), cleared(A, leaf(2) & ~4n)],
      kind: 'other-bits-changed',
      says: '0x7f1234567000: old PTE 0x8000000000001867 → new PTE 0x8000000000002863 changes more than _PAGE_USER: _PAGE_USER (bit 2) cleared, frame 0x1000 → 0x2000',
    },
    {
      name: 'cleared before',
      lines: pair(A, leaf(1) & ~4n),
      kind: 'old-done',
      says: '0x7f1234567000: old PTE 0x8000000000001863 has _PAGE_USER (bit 2) clear already: cleared before, or a wrong value logged',
    },
    {
      name: 'a page that is not there',
      lines: pair(A, leaf(1) & ~1n),
      kind: 'old-not-present',
      says: '0x7f1234567000: old PTE 0x8000000000001866 is not present (bit 0 clear)',
    },
    {
      name: 'an old PTE that memory never held',
      lines: pair(A, leaf(1)),
      page: { before: leaf(3) },
      kind: 'old-not-as-in-memory',
      says: '0x7f1234567000: old PTE in the log 0x8000000000001867, in memory before the mapping 0x8000000000003867: frame 0x3000 → 0x1000 in the log',
    },
    {
      name: 'logged twice for one mapping',
      lines: [...pair(A, leaf(1)), ...pair(A, leaf(1))],
      kind: 'logged-again',
      says: '0x7f1234567000: logged 1 time(s) more than the page was mapped',
    },
    {
      name: 'the neighbour is cleared, too',
      lines: [...pair(A, leaf(1)), ...pair(B, leaf(2))],
      kind: 'unexpected-page',
      says: '0x7f1234568000: the log says that this page was cleared (old PTE 0x8000000000002867, new PTE 0x8000000000002863), but it is not part of the mapping',
    },
    {
      name: 'left alone, says the log of another page',
      lines: [
        ...pair(A, leaf(1)),
        'VFIO: Not clearing _PAGE_USER at vaddr 0x0-0x1000 (not present), entry: 0x0',
      ],
      kind: 'unexpected-range',
      says: '0x0: the log says that 0x0-0x1000 was left alone (not present), but no page of the mapping is there',
    },
    {
      name: 'a huge leaf, which the kernel leaves alone',
      lines: [
        'VFIO: Not clearing _PAGE_USER at vaddr 0x7f1234400000-0x7f1234600000 (2 MiB leaf), entry: 0x80000000010008e7',
      ],
      kind: 'reported-not-cleared',
      says: '0x7f1234567000: not cleared, says the kernel: 2 MiB leaf at 0x7f1234400000-0x7f1234600000, entry 0x80000000010008e7',
    },
  ];

for (const { name, lines, page, kind, says } of faults) {
  test(`named: ${name}`, () => {
    const findings = check(lines, [{ address: A, ...page }]);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ kind, pages: 1, proves: true });
    expect(findings[0]?.message).toBe(says);
  });
}

test('the end of a range that was not cleared is not part of it; an entry may be missing', () => {
  const line =
    'VFIO: Not clearing _PAGE_USER at vaddr 0x7f1234566000-0x7f1234567000 (pinned when a group joined)';
  expect(kinds(check([line], [{ address: A }]))).toEqual(['not-logged', 'unexpected-range']);
  expect(kinds(check([line], [{ address: A - 0x1000n }]))).toEqual(['reported-not-cleared']);
});

test('of many ranges, overlapping too, the one that holds the page is found', () => {
  const range = (start: bigint, end: bigint, why: string): string =>
    `VFIO: Not clearing _PAGE_USER at vaddr 0x${start.toString(16)}-0x${end.toString(16)} (${why}), entry: 0x0`;
  const lines = [
    range(A + 0x10_000n, A + 0x20_000n, 'third'),
    range(A, A + 0x8000n, 'first'),
    range(A + 0x1000n, A + 0x2000n, 'inside'),
    range(A + 0x4000n, A + 0xa000n, 'second'),
  ];
  const where = (page: bigint): string =>
    /says the kernel: (\w+)/.exec(check(lines, [{ address: A + page }])[0]?.message ?? '')?.[1] ?? 'none';
  expect([0n, 0x1000n, 0x7000n, 0x9000n, 0xa000n, 0x10_000n, 0x1f_000n, 0x20_000n].map(where)).toEqual([
    'first',
    'first',
    'first',
    'second',
    'none',
    'third',
    'third',
    'none',
  ]);
});

test('a fault of many neighbouring pages is one finding', () => {
  const lines = pagesFrom(A, 512).map(({ address }, index) => clearing(address, leaf(index + 1)));
  const findings = check(lines, pagesFrom(A, 512));
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatchObject({ kind: 'not-confirmed', address: A, pages: 512 });
  expect(findings[0]?.message).toContain('0x7f1234567000-0x7f1234767000 (512 pages; of the first): ');
});

test('lost records make no accusation: the result is unknown, and says how many were lost', () => {
  const [first, second] = pair(A, leaf(1));
  const none = check([undefined, undefined, 'other'], [{ address: A }]);
  expect(none[0]?.message).toBe(
    '0x7f1234567000: unknown because 2 kernel log records were lost; neither line about this page is left',
  );
  for (const findings of [
    none,
    check([first, undefined, 'x'], [{ address: A }]),
    check([undefined, second], [{ address: A }]),
  ]) {
    expect(kinds(findings)).toEqual(['unknown']);
    expect(findings[0]?.proves).toBe(false);
  }
});

test('a pair around a loss of other lines is a pair', () => {
  const [first, second] = pair(A, leaf(1));
  expect(check([first, undefined, second], [{ address: A }])).toEqual([]);
});

test('halves of two pairs around a loss are not taken for one wrong pair', () => {
  const [first] = pair(A, leaf(1));
  const [, last] = pair(A, leaf(2));
  const findings = check([first, undefined, undefined, last], [{ address: A }, { address: A }]);
  expect(kinds(findings)).toEqual(['unknown', 'unknown']);
  // The same without a loss is a wrong pair.
  expect(kinds(check([first, last], [{ address: A }]))).toEqual(['other-bits-changed']);
});

test('what a loss leaves over is still proof of a fault that was seen', () => {
  const findings = check([undefined, clearing(A, leaf(1)), cleared(A, leaf(1))], [{ address: A }]);
  expect(kinds(findings)).toEqual(['new-not-done']);
});

test('a log without sequence numbers says that a loss would not show', () => {
  const entries = parseKernelLog('[    1.000000] something\n', { format: 'dmesg' });
  const [finding] = checkClearing(pairClearings(entries), [{ address: A }]);
  expect(finding?.message).toContain('no sequence numbers');
});

test('a value that was cut off is not believed', () => {
  const log = `[    1.000000] ${clearing(A, leaf(1))}\n[    1.000001] ${cleared(A, leaf(1) & ~4n).slice(0, -2)}`;
  const findings = checkClearing(pairClearings(parseKernelLog(log, { format: 'dmesg' })), [{ address: A }]);
  expect(kinds(findings)).toEqual(['unreadable']);
  expect(findings[0]?.proves).toBe(false);
});

test('what user space writes to /dev/kmsg is no word of the kernel’s', () => {
  const spoof = pair(A, leaf(1)).map((line, index) => `12,${index},1,-;${line}\n`);
  const log = pairClearings(parseKernelLog(spoof.join(''), { format: 'kmsg' }));
  expect(kinds(checkClearing(log, [{ address: A }]))).toEqual(['not-logged']);
});

test('whatever records are lost, no page that was cleared is accused', () => {
  const pages = pagesFrom(A, 8);
  const lines = pages.flatMap(({ address }, index) => pair(address, leaf(index + 1)));
  const both = [...lines, ...lines.map((line) => line.replaceAll('0x8000000000', '0x8000000001'))];
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: both.length, maxLength: both.length }), (kept) => {
      const log = pairClearings(
        kmsg([...both.map((line, index) => (kept[index] === true ? line : undefined)), 'last']),
      );
      const findings = checkClearing(log, [...pages, ...pages]);
      expect(findings.filter(({ proves }) => proves)).toEqual([]);
      expect(findings.length > 0).toBe(kept.includes(false));
    }),
  );
});

test('a page that memory shows closed before the mapping may be logged so: it was mapped before', () => {
  const closed = leaf(1) & ~4n;
  expect(check(pair(A, closed), [{ address: A, before: closed, after: closed }])).toEqual([]);
  const accused = check(pair(A, closed), [{ address: A, before: leaf(1), after: closed }]);
  expect(kinds(accused)).toEqual(['old-done', 'old-not-as-in-memory']);
});
