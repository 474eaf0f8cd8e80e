import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import {
  addressSpacePicture,
  registerPicture,
  timelinePicture,
  walkPicture,
} from '../../../lib/picture/index.js';
import { el } from '../../../lib/picture/svg/node.js';
import { fit, monoWidth, wrap } from '../../../lib/picture/svg/measure.js';
import { escapeXml, visible } from '../../../lib/picture/svg/visible.js';
import { addresses, pteBefore, range, walkTo } from './gallery.js';
import { drawn, TAGS } from './markup.js';

/** Text of any UTF-16 code units, lone surrogates and controls among them, with markup and terminal codes mixed in. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      fc.constantFrom(
        '<script>alert(1)</script>',
        ']]>',
        '&amp;',
        '&',
        '"',
        "'",
        '<b>',
        '</text>',
        '<!--',
        '\u001b[31m',
        '\u202e',
      ),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

test('control characters, colours and line breaks of a terminal', () => {
  expect(visible('\u001b[0;32m  OK  \u001b[0m\tdone\r\nnext\u0000\u007f')).toBe('  OK  ␉done␊next␀␡');
  expect(visible('\u001b]0;title\u0007text\u001b')).toBe('text␛');
});

test('what reorders, hides or overprints its neighbours is replaced', () => {
  expect(visible('a\u202eb\u200bc\ufeffd\ud800e\uffff\u009b')).toBe('a�b�c�d�e��');
  expect(visible(`x${'\u0301'.repeat(50)}y`)).toBe('x\u0301\u0301y');
});

test('markup is escaped once', () => {
  expect(escapeXml(`<a b="c">&amp;'`)).toBe('&lt;a b=&quot;c&quot;&gt;&amp;amp;&#39;');
});

// Properties are predicates here: an `expect` per run would cost more than what it checks.
test('text is escaped in an element and in an attribute', () => {
  expect(el('text', { class: `"><script x='` }, '</text>&\u0000')).toEqual([
    'text',
    { class: '&quot;&gt;&lt;script x=&#39;' },
    '&lt;/text&gt;&amp;␀',
  ]);
});

test('any text comes out on one line, in characters that XML allows', () => {
  const forbidden = /[\u0000-\u001f\u007f-\u009f\ufffe\uffff\u2028\u2029\u202a-\u202e]|\p{Cs}/u;
  fc.assert(
    fc.property(hostile, (text) => !forbidden.test(visible(text))),
    { numRuns: 2000 },
  );
});

test('fitted text is a beginning of the text and fits', () => {
  fc.assert(
    fc.property(hostile, fc.integer({ min: 20, max: 400 }), (text, width) => {
      const fitted = fit(text, width, 12, monoWidth);
      const whole = visible(text);
      const isBeginning = fitted === whole || (fitted.endsWith('…') && whole.startsWith(fitted.slice(0, -1)));
      return isBeginning && monoWidth(fitted, 12) <= width;
    }),
  );
  expect(fit('0x7f1234567000', 200, 12, monoWidth)).toBe('0x7f1234567000');
  expect(fit('0x7f1234567000', 60, 12, monoWidth)).toBe('0x7f123…');
});

test('wrapped lines fit and lose no word that fits', () => {
  expect(wrap('one two three four', 75, 12, monoWidth)).toEqual(['one two', 'three four']);
  expect(wrap('one 0x7f1234567000', 75, 12, monoWidth)).toEqual(['one', '0x7f12345…']);
  expect(wrap('', 75, 12, monoWidth)).toEqual(['']);
});

test('wide characters count double', () => {
  expect(monoWidth('漢字', 10)).toBeCloseTo(monoWidth('abcd', 10));
  expect(monoWidth('😀', 10)).toBeCloseTo(monoWidth('ab', 10));
});

test('hostile text in every place where a picture takes text stays text', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const pictures = [
        timelinePicture({
          title: text,
          phases: [{ name: text, kind: 'boot', start: 0, end: 5, outcome: 'failed' }],
          events: [{ at: 1, source: text, text, severity: 'error' }],
        }),
        walkPicture({
          title: text,
          subtitle: text,
          walk: walkTo(addresses.page),
          start: { label: text, value: 0n },
        }),
        addressSpacePicture({
          title: text,
          ranges: [range(0n, 4096n, 'rw', text)],
          marks: [{ address: 0n, label: text }],
        }),
        registerPicture({
          title: text,
          fields: pteBefore.fields.map((field) => ({ ...field, name: text, meaning: text })),
          value: { label: text, raw: ~0n & 0xffff_ffff_ffff_ffffn },
          other: { label: text, raw: 0n },
        }),
      ];
      return pictures.every((svg) => {
        const picture = drawn(svg); // throws if the markup is not well-formed
        const title = visible(text).trim() === '' ? '' : visible(text);

        const clean = !/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/.test(svg);
        return clean && picture.title === title && [...picture.names].every((tag) => TAGS.includes(tag));
      });
    }),
    { numRuns: 100 },
  );
});

test('a console line of 1 MB costs no more than a short one', () => {
  const text = '<script>'.repeat(131_072);
  const svg = timelinePicture({ title: text, phases: [], events: [{ at: 0, source: text, text }] });
  expect(svg.length).toBeLessThan(20_000);
  drawn(svg);
});
