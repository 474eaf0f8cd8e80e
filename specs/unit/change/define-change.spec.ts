import { expect, test } from '@playwright/test';

import { type ChangeDescription, defineChange } from '../../../lib/change/index.js';
import { UsageError } from '../../../lib/errors.js';
import {
  checkClearing,
  pagesFrom,
  pairClearings,
  parseKernelLog,
} from '../../../lib/guest/kernel-log/index.js';
import { _PAGE_NX, _PAGE_RW, _PAGE_USER } from '../../../lib/paging/index.js';
import { diagnosisOf, lines } from '../vfio/scene.js';

const noExecute = defineChange({
  name: 'set NX',
  set: _PAGE_NX,
  log: { ends: 'vfio: page {address} is NX now (was {pte})' },
});

test('a change that says nothing, contradicts itself or has lines that are none is refused', () => {
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ name: 'x' }, /changes nothing/],
    [{ name: '', cleared: 1n }, /change\.name must be/],
    [{ name: 'x', cleared: 0n }, /change\.cleared must be a mask of bits/],
    [{ name: 'x', clear: 4n }, /clear is not known: did you mean 'cleared'\?/],
    [{ name: 'x', cleared: 4 }, /change\.cleared must be/],
    [{ name: 'x', cleared: 4n, set: 6n }, /sets and clears the same bit/],
    [{ name: 'x', cleared: 4n, log: {} }, /change\.log\.ends is missing/],
    [{ name: 'x', cleared: 4n, log: { ends: 'cleared it' } }, /ends has no \{address\}/],
    [
      { name: 'x', cleared: 4n, log: { ends: '{address} cleared' } },
      /ends has no \{address\}, or no words before it/,
    ],
    [{ name: 'x', cleared: 4n, log: { ends: 'a {address}', leaves: 'b {start}' } }, /leaves has no \{end\}/],
    [{ name: 'x', cleared: 4n, accesses: [{ access: 'reed', outcome: 'done' }] }, /did you mean 'read'\?/],
    [undefined, /change must be an object/],
  ];
  for (const [change, words] of wrong) {
    const define = (): unknown => defineChange(change as ChangeDescription);
    expect(define, String(words)).toThrow(UsageError);
    expect(define).toThrow(words);
  }
});

test('a driver that sets a bit is held against that: right, forgotten, in the wrong page, with another bit', async () => {
  const log = (page: number, address: bigint, before: bigint): string[] =>
    page < 4
      ? [`vfio: page 0x${address.toString(16)} is NX now (was 0x${(before | _PAGE_NX).toString(16)})`]
      : [];
  const before = (page: number): bigint => 0x67n | (0x1000_0000n + BigInt(page + 8) * 4096n);
  const done = (page: number, entry: bigint): bigint => (page >= 0 && page < 4 ? entry | _PAGE_NX : entry);
  const scene = { change: noExecute, before, log };
  expect(await diagnosisOf(scene)).toEqual([]);
  const titles = async (deeds: Parameters<typeof diagnosisOf>[0]): Promise<string[]> =>
    (await diagnosisOf({ ...scene, ...deeds })).map(({ title }) => title);
  expect(await titles({ entry: (_, entry) => entry, log: () => [] })).toEqual([
    'The driver forgets all 4 pages: _PAGE_NX (bit 63) is still clear in memory and the log says nothing.',
  ]);
  expect(await titles({ entry: (_, entry) => entry })).toContain(
    'The driver logs all 4 pages as set but does not do it: _PAGE_NX (bit 63) is clear in memory when VFIO_IOMMU_MAP_DMA returns.',
  );
  expect((await titles({ log: () => [] }))[0]).toMatch(/^The driver sets all 4 pages without logging/);
  expect((await titles({ entry: (page, entry) => done(page, entry) & ~_PAGE_USER }))[0]).toMatch(
    /wrong bits of all 4 pages: _PAGE_USER \(bit 2\) cleared\. Only _PAGE_NX may come\./,
  );
  expect(
    (await titles({ entry: (page, entry) => done(page, entry) | (page === 4 ? _PAGE_NX : 0n) }))[0],
  ).toMatch(/changes pages outside of the mapping: .*_PAGE_NX/);
  expect((await titles({ later: (page, made) => (page === 2 ? made & ~_PAGE_NX : made) }))[0]).toMatch(
    /does not keep 1 of 4 pages \(2\) with _PAGE_NX \(bit 63\) set: _PAGE_NX \(bit 63\) was set when .* and is clear now/,
  );
});

test('a change of two bits is told by both', () => {
  const { words } = defineChange({ name: 'x', cleared: _PAGE_RW | _PAGE_USER, set: _PAGE_NX });
  expect(words).toMatchObject({
    bits: '_PAGE_RW (bit 1) and _PAGE_USER (bit 2) and _PAGE_NX (bit 63)',
    does: 'changes',
    only: 'Only _PAGE_RW and _PAGE_USER may go and _PAGE_NX may come',
  });
});

test('one line a page is enough for a change that announces nothing; a line that was cut off proves nothing', () => {
  const read = (...texts: string[]) =>
    pairClearings(
      parseKernelLog(texts.map((text, seq) => `6,${seq},${seq},-;${text}\n`).join(''), { format: 'kmsg' }),
      noExecute,
    );
  const whole = read('vfio: page 0x7f0000001000 is NX now (was 0x8000000000001067)');
  expect(whole.records).toMatchObject([{ seen: 'both', newPte: 0x8000000000001067n }]);
  expect(checkClearing(whole, pagesFrom(0x7f0000001000n, 1))).toEqual([]);
  const kinds = (log: ReturnType<typeof read>) =>
    checkClearing(log, pagesFrom(0x7f0000001000n, 1)).map(({ kind }) => kind);
  expect(kinds(read('vfio: page 0x7f0000001000 is N'))).toEqual(['unreadable']);
  expect(kinds(read('vfio: page 0x7f00000010'))).toEqual(['not-logged']);
  // Another change's words are nothing to it.
  expect(kinds(read(...lines(0x7f0000001000n, 0x67n, 0x63n)))).toEqual(['not-logged']);
});
