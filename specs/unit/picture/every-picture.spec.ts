import { expect, test } from '@playwright/test';
import { contrast, drawn, TAGS, type Drawn, type DrawnText } from './markup.js';
import { gallery } from './gallery.js';

/** What must hold for any picture whatever it shows. */
for (const [name, svg] of Object.entries(gallery)) {
  test.describe(name, () => {
    const picture = drawn(svg);

    test('is well-formed, of a fixed size, and no larger than 100 kB', () => {
      expect(svg).toMatch(
        /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="828" height="\d+" viewBox="0 0 828 \d+"/,
      );
      expect(picture.width).toBe(828);
      expect(picture.height).toBeLessThan(2000);
      expect(svg.length).toBeLessThan(100_000);
    });

    test('has a text alternative', () => {
      const id = /aria-labelledby="([\w-]+) ([\w-]+)"/.exec(svg);
      const opening = svg.slice(0, 400);
      expect(opening).toContain('role="img"');
      expect(opening).toContain(`<title id="${id?.[1] ?? '?'}">`);
      expect(opening).toContain(`<desc id="${id?.[2] ?? '?'}">`);
      expect(picture.title).not.toBe('');
      expect(picture.description.length).toBeGreaterThan(10);
      expect(picture.description.length).toBeLessThanOrEqual(2000);
      expect(picture.description).not.toMatch(/undefined|NaN|\[object|\.\.$/);
    });

    test('refers to nothing outside and runs nothing', () => {
      expect([...picture.names].filter((tag) => !TAGS.includes(tag))).toEqual([]);
      expect([...picture.attributes].filter((attribute) => /^on|href|src|^style$/i.test(attribute))).toEqual(
        [],
      );
      expect(picture.style).not.toMatch(/url\(|@import|@font-face|var\(/);
      const prefix = /aria-labelledby="(pic-\w+)-title/.exec(svg)?.[1] ?? '?';
      const references = picture.values.filter((value) => value.includes('url('));
      for (const reference of references)
        expect(reference).toMatch(new RegExp(`^url\\(#${prefix}-hatch(-bad)?\\)$`));
    });

    test('has no number that is none', () => {
      expect(picture.values.filter((value) => /NaN|Infinity|undefined|\de[-+]\d/.test(value))).toEqual([]);
    });

    test('keeps every text inside, of 10 px or more', () => {
      const outside = picture.texts.filter(
        ({ left, right, top, bottom, clipped }) =>
          left < 8 || (right > 822 && !clipped) || top < 4 || bottom > picture.height - 4,
      );
      expect(outside.map(({ text }) => text)).toEqual([]);
      expect(picture.texts.filter(({ px }) => px < 10)).toEqual([]);
    });

    test('lets no two texts overlap', () => {
      expect(overlaps(picture.texts)).toEqual([]);
    });

    test('has contrast of 4.5 : 1 for every text on what lies under it, light and dark', () => {
      const weak = picture.texts.filter((text, index) => {
        const under = paintUnder(picture, text, index);
        return contrast(text.paint.light, under.light) < 4.5 || contrast(text.paint.dark, under.dark) < 4.5;
      });
      expect(weak).toEqual([]);
    });

    test('draws no hatching through a text', () => {
      const hatched = picture.boxes.filter(
        ({ paint, classes }) => paint === undefined && classes.length === 0,
      );
      const crossed = picture.texts.filter((text, index) =>
        hatched.some(
          (box) =>
            box.after <= index + 1 &&
            box.left < text.right - 2 &&
            box.right > text.left + 2 &&
            box.top < text.bottom &&
            box.bottom > text.top,
        ),
      );
      expect(crossed.map(({ text }) => text)).toEqual([]);
    });
  });
}

test('no two different pictures share an id or a class', () => {
  const prefixes = Object.values(gallery).map((svg) => /aria-labelledby="(pic-\w+)-title/.exec(svg)?.[1]);
  expect(new Set(prefixes).size).toBe(prefixes.length);
  const foreign = Object.values(gallery).flatMap((svg, index) => {
    const ids = [...svg.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id);
    const classes = [...svg.matchAll(/ class="([^"]+)"/g)].flatMap(([, names = '']) => names.split(' '));
    return [...ids, ...classes].filter((name) => !name.startsWith(`${prefixes[index] ?? '?'}-`));
  });
  expect(foreign).toEqual([]);
});

function overlaps(texts: readonly DrawnText[]): string[] {
  const sorted = [...texts].sort((a, b) => a.top - b.top);
  return sorted.flatMap((one, index) =>
    sorted
      .slice(index + 1, index + 80)
      .filter(
        (other) =>
          one.left < other.right - 1 &&
          other.left < one.right - 1 &&
          one.top < other.bottom - 1 &&
          other.top < one.bottom - 1,
      )
      .map((other) => `${one.text} / ${other.text}`),
  );
}

/** The last filled box drawn before the text that holds its middle. */
function paintUnder(picture: Drawn, text: DrawnText, index: number): { light: string; dark: string } {
  const x = (text.left + text.right) / 2;
  const y = (text.top + text.bottom) / 2;
  const under = picture.boxes.filter(
    (box) =>
      box.paint !== undefined &&
      box.after <= index &&
      box.left <= x &&
      box.right >= x &&
      box.top <= y &&
      box.bottom >= y,
  );
  const paint = under.at(-1)?.paint;
  if (paint === undefined) throw new Error(`'${text.text}' stands on nothing`);
  return paint;
}
