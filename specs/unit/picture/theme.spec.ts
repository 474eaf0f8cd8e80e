import { expect, test } from '@playwright/test';
import { palette, type Colour } from '../../../lib/picture/theme/palette.js';
import { styleSheet } from '../../../lib/picture/theme/css.js';
import { size, styles } from '../../../lib/picture/theme/styles.js';
import { contrast } from './markup.js';

const surfaces: Colour[] = ['surface', 'panel', 'accentSurface'];
const pairs: [Colour, Colour[]][] = [
  [
    'ink',
    [...surfaces, 'badSurface', 'goodSurface', 'warnSurface', 'read', 'write', 'execute', 'writeExecute'],
  ],
  ['muted', surfaces],
  ['accent', surfaces],
  ['bad', ['surface', 'panel', 'badSurface']],
  ['good', ['surface', 'panel', 'goodSurface']],
  ['warn', ['surface', 'panel', 'warnSurface']],
];

for (const scheme of ['light', 'dark'] as const) {
  for (const [text, under] of pairs) {
    for (const surface of under) {
      test(`${scheme}: ${text} on ${surface} reaches 4.5 : 1`, () => {
        expect(contrast(palette[text][scheme], palette[surface][scheme])).toBeGreaterThanOrEqual(4.5);
      });
    }
  }

  for (const surface of ['surface', 'panel', 'read', 'write', 'execute', 'writeExecute'] as const) {
    test(`${scheme}: outlines and patterns on ${surface} reach 3 : 1`, () => {
      expect(contrast(palette.outline[scheme], palette[surface][scheme])).toBeGreaterThanOrEqual(3);
    });
  }

  test(`${scheme}: what offends reaches 3 : 1 against its own surface and the picture's`, () => {
    for (const surface of ['surface', 'panel', 'badSurface', 'accentSurface'] as const) {
      expect(contrast(palette.bad[scheme], palette[surface][scheme])).toBeGreaterThanOrEqual(3);
    }
  });
}

test('the contrast of black and white is 21, and of a colour with itself 1', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
  expect(contrast('#0b57a4', '#0b57a4')).toBe(1);
});

test('dark colours differ from light ones, inside the media query only', () => {
  const sheet = styleSheet(
    'p',
    ['ink', 'title', 'surface'].filter((name) => name in styles),
  );
  const [light = '', dark = ''] = sheet.split('@media (prefers-color-scheme:dark)');
  expect(light).toContain(`.p-title{font:600 ${size.title}px`);
  expect(light).toContain(`fill:${palette.ink.light}`);
  expect(light).not.toContain(palette.ink.dark);
  expect(dark).toContain(`.p-title{fill:${palette.ink.dark}}`);
  expect(dark).not.toContain(palette.ink.light);
});

test('a class that the theme does not have is an error', () => {
  expect(() => styleSheet('p', ['no-such-class'])).toThrow("no style is called 'no-such-class'");
});
