import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { addressSpacePicture, PictureError } from '../../../lib/picture/index.js';
import { group } from '../../../lib/picture/map/groups.js';
import { formatBytes } from '../../../lib/picture/svg/bytes.js';
import { gallery, manyRanges, process, range } from './gallery.js';
import { drawn } from './markup.js';

const picture = drawn(gallery.map ?? '');
const texts = picture.texts.map(({ text }) => text);

test('every range has its first address, rights, size and name', () => {
  for (const { start, name } of process) {
    expect(texts).toContain(`0x${start.toString(16)}`);
    if (name !== undefined) expect(texts).toContain(name);
  }
  for (const letters of ['r--u', 'r-xu', 'rw-u', 'rw--', 'r-x-', 'rwx-']) expect(texts).toContain(letters);
  expect(texts).toEqual(expect.arrayContaining(['4 KiB', '36 KiB', '1 GiB', '4 × 4 KiB → 0x34567000']));
});

test('rights have their colour, and supervisor ranges are hatched', () => {
  const bars = picture.boxes.filter(({ left, right }) => left === 154 && right === 304);
  const kinds = bars.map(({ classes }) => (classes[0] ?? 'hatch').replace(/^pic-\w+?-/, ''));
  expect(kinds).toEqual([
    ...['area-read', 'area-execute', 'area-write', 'area-write', 'hatch', 'area-write', 'area-write'],
    ...['area-write', 'hatch', 'area-execute', 'hatch', 'area-write-execute', 'hatch'],
  ]);
});

test('gaps are breaks that say how much they leave out, the non-canonical hole by its name', () => {
  expect(texts).toContain('~127 TiB not mapped');
  expect(texts).toContain('non-canonical addresses');
  expect(texts.join()).toContain('breaks are not mapped, and not to scale');
});

test('a marked address is boxed where it lies, and one that lies nowhere is named in the notes', () => {
  expect(texts).toContain('0x7f1234567000 page under test');
  const mark = picture.boxes.find(({ classes }) => classes[0]?.endsWith('-mark'));
  const buffer = picture.texts.find(({ text }) => text === 'DMA buffer: user bit cleared');
  expect(mark?.top).toBeLessThan(buffer?.top ?? 0);
  expect(mark?.bottom).toBeGreaterThan(buffer?.bottom ?? Infinity);
  expect(
    drawn(gallery['map, many ranges'] ?? '')
      .texts.map(({ text }) => text)
      .join(),
  ).toContain('0x5 null page');
});

test('65,536 ranges share 28 rows, and the picture says so', () => {
  const many = drawn(gallery['map, many ranges'] ?? '');
  const shown = many.texts.map(({ text }) => text).join('\n');
  expect(shown).toContain('65,536 ranges share 28 rows');
  expect(many.description).toContain('65,536 ranges share 28 rows');
  expect(shown).toMatch(/\d,\d{3} ranges: 2\d% /);
});

test('an EPT has no user letter and no key for it', () => {
  const ept = drawn(gallery['map, EPT'] ?? '').texts.map(({ text }) => text);
  expect(ept).toContain('rwx');
  expect(ept.join()).not.toContain('supervisor');
});

test('leaf rights are told where they differ from the effective ones', () => {
  const odd = { ...range(0n, 4096n, 'rw'), leafRights: range(0n, 4096n, 'rwu').leafRights };
  expect(drawn(addressSpacePicture({ title: 't', ranges: [odd] })).description).toContain(
    'rw-- 1 × 4 KiB → 0x0 leaf rw-u',
  );
});

test('groups keep every range once and in order, and none spans a gap of a GiB while rows are left', () => {
  // Most gaps are small, so that rows are left when the wide ones have divided.
  const gaps = fc.oneof(
    { weight: 9, arbitrary: fc.bigInt({ min: 0n, max: 1n << 24n }) },
    { weight: 1, arbitrary: fc.bigInt({ min: 1n << 30n, max: 1n << 44n }) },
  );
  const ranges = fc.array(fc.tuple(gaps, fc.integer({ min: 1, max: 600 })), { maxLength: 60 });
  fc.assert(
    fc.property(ranges, fc.integer({ min: 1, max: 20 }), (parts, most) => {
      let start = 0n;
      const made = parts.map(([gap, pages]) => {
        const each = range(start + (gap & ~0xfffn), BigInt(pages) * 4096n, 'rw');
        start = each.end;
        return each;
      });
      const groups = group(made, most);
      const wide = groups.some((each) =>
        each.some((one, index) => one.start - (each[index - 1] ?? one).end >= 1n << 30n && index > 0),
      );
      const wanted = Math.min(most, made.length);
      const split = made.filter(
        (one, index) => index > 0 && one.start - (made[index - 1] ?? one).end >= 1n << 30n,
      ).length;
      return (
        groups.flat().every((each, index) => each === made[index]) &&
        groups.flat().length === made.length &&
        groups.length === wanted &&
        (split >= most || !wide)
      );
    }),
    { numRuns: 200 },
  );
});

test('eight clusters 8 TiB apart never share a row, and their rows are balanced', () => {
  const groups = group(manyRanges(), 28);
  expect(groups).toHaveLength(28);
  for (const each of groups) {
    expect((each.at(-1)?.end ?? 0n) - each[0].start).toBeLessThan(1n << 40n);
    expect(each.length).toBeLessThan(5000);
  }
});

test('ranges that are empty, overlap or are out of order are refused with their address', () => {
  const draw =
    (...ranges: ReturnType<typeof range>[]): (() => string) =>
    () =>
      addressSpacePicture({ title: 't', ranges });
  expect(draw(range(0x1000n, 0n, 'r'))).toThrow(PictureError);
  expect(draw(range(0x1000n, 0n, 'r'))).toThrow('the range at 0x1000 is empty');
  expect(draw(range(0n, 0x2000n, 'r'), range(0x1000n, 0x1000n, 'r'))).toThrow(
    'the range at 0x1000 begins before',
  );
});

test('sizes read well, and say when they are rounded', () => {
  const sizes = [0n, 1n, 1023n, 4096n, 0x21000n, 3n << 29n, 1n << 47n, (1n << 47n) - 4096n, 1n << 64n];
  expect(sizes.map(formatBytes)).toEqual([
    '0 B',
    '1 B',
    '1023 B',
    '4 KiB',
    '132 KiB',
    '1.5 GiB',
    '128 TiB',
    '~128 TiB',
    '16 EiB',
  ]);
});
