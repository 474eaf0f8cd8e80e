import { expect, test } from '@playwright/test';
import { walkPicture } from '../../../lib/picture/index.js';
import { addresses, gallery, walkTo } from './gallery.js';
import { drawn, type Drawn } from './markup.js';

const picture = (name: string): Drawn => drawn(gallery[name] ?? '');
const texts = (name: string): string[] => picture(name).texts.map(({ text }) => text);
const marks = (name: string): string[] =>
  picture(name)
    .boxes.filter(({ classes }) => classes.some((each) => each.endsWith('-mark')))
    .map((box) => {
      const inside = picture(name).texts.filter(
        ({ left, right, top, bottom }) =>
          left >= box.left && right <= box.right && top >= box.top && bottom <= box.bottom,
      );
      return inside.map(({ text }) => text).join(' ');
    });

test('every level stands there with its index, place and value', () => {
  const shown = texts('walk, page');
  for (const text of ['PML4[254]', 'PDPT[72]', 'PD[418]', 'PT[359]']) expect(shown).toContain(text);
  for (const text of ['at 0x3d1a7f0', 'at 0x1f0c9240', 'at 0x1f0cad10', 'at 0x1f0cbb38'])
    expect(shown).toContain(text);
  for (const text of [
    '0x000000001f0c9067',
    '0x000000001f0ca067',
    '0x000000001f0cb067',
    '0x800000001f0ba867',
  ]) {
    expect(shown).toContain(text);
  }
  expect(shown).toContain('0x7f1234567123 → 0x1f0ba123');
  expect(shown).toContain('4 KiB page at 0x1f0ba000');
  expect(shown).toContain('offset 0x123');
});

test('the fifth level is drawn as well', () => {
  expect(texts('walk, 5 levels')).toEqual(
    expect.arrayContaining(['PML5[0]', 'PML5 0', '56:48', 'PML4[254]', 'PT[359]']),
  );
});

test('the offending bit of the leaf is boxed and named, and no other', () => {
  expect(texts('walk, page')).toContain('_PAGE_USER (bit 2) is set, expected clear');
  const [row, cell, ...others] = marks('walk, page');
  expect(row).toContain('PT[359]');
  expect(cell).toBe('1');
  expect(others).toEqual([]);
  expect(picture('walk, page').description).toContain(
    'Not as expected: _PAGE_USER (bit 2) is set, expected clear.',
  );
});

test('a leaf as expected has no mark', () => {
  expect(marks('walk, cleared')).toEqual([]);
  expect(picture('walk, cleared').description).not.toContain('Not as expected');
});

test('a bit that should be set and is not is marked too', () => {
  const svg = walkPicture({ title: 't', walk: walkTo(addresses.page), expected: { set: 1n << 8n } });
  expect(drawn(svg).description).toContain('Not as expected: _PAGE_GLOBAL (bit 8) is clear, expected set.');
});

test('leaf and effective rights are told apart', () => {
  // The leaf would let user mode in, the PDPT entry above it does not.
  const shown = texts('walk, kernelText');
  const below = (name: string): string[] => shown.slice(shown.indexOf(name) + 1, shown.indexOf(name) + 3);
  expect(below('effective rights')).toEqual(['rwx-', 'supervisor only, writable, executable']);
  expect(below('of the leaf alone')).toEqual(['rwxu', 'user, writable, executable']);
  expect(picture('walk, kernelText').description).toContain('effective rights rwx-, leaf rights rwxu');
});

test('large pages end above the last level, with an offset as wide', () => {
  expect(texts('walk, large')).toEqual(
    expect.arrayContaining(['2 MiB page at 0x20000000', '20:0', 'offset 0x12345']),
  );
  expect(texts('walk, large').filter((text) => text.startsWith('PT'))).toEqual([]);
  expect(texts('walk, huge')).toEqual(
    expect.arrayContaining(['1 GiB page at 0x40000000', '29:0', 'offset 0x2345678']),
  );
  expect(texts('walk, huge').filter((text) => /^(PD|PT)\b/.test(text))).toEqual([]);
});

test('a fault says where and why, and names the levels that were not reached', () => {
  const shown = texts('walk, emptyRoot');
  expect(shown).toContain('No translation: not-present at PML4');
  expect(shown).toContain('the entry is not present');
  for (const text of ['PDPT[0]', 'PD[2]', 'PT[256]']) expect(shown).toContain(text);
  expect(shown.filter((text) => text === 'not reached')).toHaveLength(3);
  expect(shown.join()).not.toContain('page at');
});

test('reserved bits are a fault, with the bits by number', () => {
  expect(texts('walk, reservedBits')).toContain('No translation: reserved-bits at PT');
  expect(texts('walk, reservedBits').join()).toContain('reserved bits 51:48 of a PT entry are set');
});

test('a table outside RAM is named with its address', () => {
  expect(texts('walk, unreadable')).toEqual(
    expect.arrayContaining([
      'No translation: unreadable at PD',
      'PD[128]',
      'cannot be read at 0x400000400',
      'PT[0]',
    ]),
  );
});

test('two dimensions: every guest level and the page have their own second walk', () => {
  const shown = texts('nested');
  for (const text of ['PML4[254]', 'PDPT[72]', 'PD[418]', 'PT[359]', 'page']) expect(shown).toContain(text);
  expect(shown.filter((text) => text === 'PML4[0]')).toHaveLength(5);
  expect(shown.filter((text) => text.startsWith('PD[') && text !== 'PD[418]')).toHaveLength(5);
  expect(shown).toContain('guest-physical 0x1f0cbb38 → host-physical 0x11f0cbb38');
  expect(shown).toContain('0x7f1234567123 → 0x1f0ba123 → 0x11f0ba123');
  expect(shown).toContain('_PAGE_USER (bit 2) is set, expected clear');
});

test('two dimensions: letters say what each entry permits', () => {
  const shown = texts('nested');
  const after = (text: string): string | undefined => shown[shown.indexOf(text) + 1];
  expect(after('0x800000001f0ba867')).toBe('rw-u');
  expect(after('0x000000001f0cb067')).toBe('rwxu');
  expect(after('PD[248]')).toBe('rwx');
  expect(texts('nested, misconfigured')).toContain('-w-');
  expect(texts('nested, guest fault')).toContain('----');
});

test('two dimensions: a fault is named in the dimension where it is', () => {
  const misconfigured = texts('nested, misconfigured');
  expect(misconfigured).toContain('No translation: misconfiguration at PD of the second dimension (ept)');
  expect(misconfigured).toContain('bits 2:0 are 010b: writes are permitted but reads are not');
  expect(misconfigured.filter((text) => text === 'not reached')).toHaveLength(3);
  const guest = texts('nested, guest fault');
  expect(guest).toContain("No translation: not-present at PT of the guest's tables");
  expect(guest.filter((text) => text === 'not reached')).toHaveLength(1);
});

test('IOMMU: from RTADDR_REG over root and context entry to the frame', () => {
  const shown = texts('iommu');
  expect(shown).toEqual(
    expect.arrayContaining([
      'RTADDR_REG',
      'root[0]',
      'context[16]',
      'PML4[0]',
      'PT[256]',
      '0x000000000a3e8003',
    ]),
  );
  expect(shown).toContain('0x100000 → 0xa3e8000');
  expect(shown).toContain('device 00:02.0, iova 0x100000');
  expect(shown.join()).toContain('domain 3, address width 2 (4 levels)');
  expect(shown).toContain('DMA_PTE_WRITE (bit 1) is set, expected clear');
});

test('IOMMU: faults of the tables and of the context entry', () => {
  expect(texts('iommu, not present')).toContain('No translation: second-level');
  expect(texts('iommu, no context')).toContain('No translation: context-not-present');
  expect(texts('iommu, no context')).toContain('the entry is not present');
  expect(texts('iommu, no context').join()).not.toContain('PML4[');
});
