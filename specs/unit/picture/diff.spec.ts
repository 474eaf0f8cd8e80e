import { expect, test } from '@playwright/test';
import { diffPicture } from '../../../lib/picture/index.js';
import { diff, gallery } from './gallery.js';
import { drawn } from './markup.js';

const svg = gallery.diff ?? '';
const picture = drawn(svg);
const texts = picture.texts.map(({ text }) => text);

test('every change has its kind in words, its place and both values', () => {
  expect(texts).toEqual(expect.arrayContaining(['− unmapped', '≠ changed', '+ mapped']));
  expect(texts).toEqual(expect.arrayContaining(['0x400000', '0x7f1234567000', '0x7f2234567000']));
  expect(texts).toEqual(expect.arrayContaining(['0x800000001f0ba867', '0x800000001f0ba863', '-_PAGE_USER']));
  expect(texts.filter((text) => text === 'not mapped')).toHaveLength(2);
  expect(texts).toContain('4 pages · 16 KiB');
});

test('only the digits that differ are underlined, on both sides', () => {
  const underlined = [...svg.matchAll(/<tspan class="pic-\w+-digit-differs">(.)<\/tspan>/g)].map(
    ([, digit]) => digit,
  );
  expect(underlined).toEqual(['7', '3']);
});

test('the text alternative tells each change by bits', () => {
  expect(picture.description).toContain('4 pages changed, 2 pages mapped, 1 page unmapped.');
  expect(picture.description).toContain(
    '0x7f1234567000 (4 pages) changed: 0x800000001f0ba867 to 0x800000001f0ba863, -_PAGE_USER.',
  );
});

test('the one change among 5000 new stretches is shown, and the rest is counted', () => {
  const long = drawn(gallery['diff, long'] ?? '').texts.map(({ text }) => text);
  expect(long).toContain('-_PAGE_USER');
  expect(long.filter((text) => text === '+ mapped')).toHaveLength(23);
  expect(long.join()).toContain('4,977 more stretches are left out');
  expect(long.join()).toContain('One of the scans was cut short');
});

test('no change is said in words', () => {
  expect(drawn(gallery['diff, none'] ?? '').texts.map(({ text }) => text)).toContain(
    'Nothing was mapped, unmapped or changed.',
  );
});

test('a change of frame, page size or of a level above is told without bits', () => {
  const [, change] = diff.changes;
  if (change?.before === undefined || change.after === undefined) throw new Error('the gallery has a change');
  const told = (patch: Partial<typeof change>): string =>
    drawn(diffPicture({ title: 't', diff: { ...diff, changes: [{ ...change, names: [], ...patch }] } }))
      .description;
  expect(told({ moved: true })).toContain('other frame');
  expect(told({ resized: true, before: { ...change.before, level: 2 } })).toContain(
    'page size 2 MiB → 4 KiB',
  );
  expect(told({ rightsChanged: true })).toContain('effective rights, by a higher level');
});
