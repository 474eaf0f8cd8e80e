import { expect, test } from '@playwright/test';
import fc from 'fast-check';

import { InfrastructureError } from '../../../lib/errors.js';
import { oneLine, printable, stripControlCodes } from '../../../lib/text/index.js';

/** All that reorders, hides or breaks text, or moves a cursor, beside tab and line feed. */
const hostile = [
  ...[
    0x00, 0x07, 0x0d, 0x1b, 0x7f, 0x85, 0x9b, 0xad, 0x61c, 0x180e, 0x200b, 0x200d, 0x200e, 0x200f, 0x2028,
    0x2029,
  ],
  ...[
    0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2066, 0x2067, 0x2068, 0x2069, 0xfeff, 0xd800, 0xdfff,
    0xe0041,
  ],
];

test('each is shown by its number, and is stripped where that is wanted', () => {
  for (const code of hostile) {
    const text = `a${String.fromCodePoint(code)}b`;
    expect(printable(text), code.toString(16)).toMatch(/^a\\(x[0-9a-f]{2}|u[0-9a-f]{4}|u\{[0-9a-f]+\})b$/);
    expect(printable(text)).toContain(code.toString(16));
    // What follows an escape belongs to it.
    if (code !== 0x1b && code !== 0x9b) expect(stripControlCodes(text)).toBe('ab');
  }
});

test('letters of any language, tabs and line feeds stay', () => {
  for (const text of ['zwölf\tBögen\n', '漢字 🙂', 'ﻢﺜﺋ', 'e\u0301']) {
    expect(printable(text)).toBe(text);
    expect(stripControlCodes(text)).toBe(text);
  }
});

test('what is printable already stays so, and one line is one', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(printable(text))).toBe(printable(text));
      expect(oneLine(text)).not.toContain('\n');
    }),
  );
});

test('an error says nothing that a terminal or a reader would obey', () => {
  expect(new InfrastructureError('the guest says "\u202egnp.exe\x1b[2J"\nnext').message).toBe(
    'the guest says "\\u202egnp.exe\\x1b[2J"\nnext',
  );
});
