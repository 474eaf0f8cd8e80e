import { expect, test } from '@playwright/test';
import { decodeX86Entry } from '../../../lib/paging/index.js';
import { registerPicture } from '../../../lib/picture/index.js';
import { gallery, pteAfter, pteBefore } from './gallery.js';
import { drawn, type DrawnBox } from './markup.js';

const plain = drawn(gallery.register ?? '');
const compared = drawn(gallery['register, compared'] ?? '');
const marks = (boxes: DrawnBox[]): DrawnBox[] =>
  boxes.filter(({ classes }) => classes.some((name) => name.endsWith('-mark')));

test('every bit has its value and every field its name and numbers', () => {
  const digits = plain.texts.filter(({ text, px }) => /^[01]$/.test(text) && px === 10);
  // Bits 0 and 1 also stand above their own fields, as numbers.
  expect(digits).toHaveLength(64 + 2);
  const texts = plain.texts.map(({ text }) => text);
  for (const name of [
    'NX',
    'PKEY3',
    'SOFTW4',
    'GLOBAL',
    'PAT',
    'DIRTY',
    'ACCESS',
    'PCD',
    'PWT',
    'USER',
    'RW',
    'PRESENT',
  ]) {
    expect(texts).toContain(name);
  }
  for (const bit of [0, 1, 2, 12, 15, 16, 31, 32, 39, 58, 63]) expect(texts).toContain(`${bit}`);
});

test('the digits, read from bit 63 down, are the value', () => {
  const rows = [...new Set(valueRows())];
  expect(rows).toHaveLength(4);
  const bits = rows.map((top) =>
    plain.texts
      .filter((each) => each.top === top && /^[01]$/.test(each.text))
      .sort((a, b) => a.left - b.left)
      .map(({ text }) => text)
      .join(''),
  );
  expect(BigInt(`0b${bits.join('')}`)).toBe(pteBefore.raw);
});

function valueRows(): number[] {
  const tops = plain.texts.filter(({ text }) => /^[01]$/.test(text)).map(({ top }) => top);
  return tops.filter((top) => tops.filter((each) => each === top).length === 16).sort((a, b) => a - b);
}

test('the bit that differs is boxed over its name, comes first in the table, and is named', () => {
  expect(marks(plain.boxes)).toHaveLength(0);
  const [mark, ...others] = marks(compared.boxes);
  expect(others).toHaveLength(0);
  const user = compared.texts.find(({ text }) => text === 'USER');
  expect(mark?.left).toBeLessThan(user?.left ?? 0);
  expect(mark?.right).toBeGreaterThan(user?.right ?? Infinity);
  expect(compared.description).toContain('Differing: bit 2 _PAGE_USER: seen 1, expected 0.');
  const table = compared.texts.filter(({ text }) => text.startsWith('_PAGE_'));
  expect(table[0]?.text).toBe('_PAGE_USER');
  expect(compared.texts.map(({ text }) => text)).toContain('≠ 0');
});

test('both raw values stand in the picture with all their digits', () => {
  expect(compared.texts.map(({ text }) => text)).toContain(
    'of 0x7f1234567000 · seen 0x800000001f0ba867, expected 0x800000001f0ba863',
  );
});

test('every differing bit is boxed, at any position', () => {
  for (let bit = 0; bit < 64; bit++) {
    const svg = registerPicture({
      title: 't',
      fields: pteBefore.fields,
      value: { label: 'a', raw: 0n },
      other: { label: 'b', raw: 1n << BigInt(bit) },
    });
    const [mark, ...others] = marks(drawn(svg).boxes);
    expect(others).toHaveLength(0);
    // Sixteen bits to a lane of 743 px that begins at 68, highest first.
    const column = Math.round(((mark?.left ?? 0) - 69) / 46.44);
    expect(column).toBe(15 - (bit % 16));
  }
});

test('equal values have no mark and say so', () => {
  const svg = registerPicture({
    title: 't',
    fields: pteBefore.fields,
    value: { label: 'before', raw: pteAfter },
    other: { label: 'after', raw: pteAfter },
  });
  expect(drawn(svg).description).toContain('No bit differs.');
  expect(marks(drawn(svg).boxes)).toHaveLength(0);
});

test('bits that break a rule are boxed and the rule is in words', () => {
  const entry = decodeX86Entry(0x000f_0000_1f0b_a867n, 1, { maxPhysicalAddress: 40 });
  const svg = registerPicture({
    title: 't',
    fields: entry.fields,
    value: { label: 'value', raw: entry.raw },
    violations: entry.violations,
  });
  expect(marks(drawn(svg).boxes)).toHaveLength(4);
  expect(drawn(svg).description).toContain('Breaks a rule: reserved bits 51:48');
});
