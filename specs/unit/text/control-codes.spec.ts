import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { stripControlCodes } from '../../../lib/text/index.js';

const cases: [title: string, raw: string, shown: string][] = [
  ['colours', '\x1b[1;31mFAIL\x1b[0m ok', 'FAIL ok'],
  ['cursor moves as SeaBIOS sends them', '\x1b[2J\x1b[01;01H\x1b[=3hSeaBIOS', 'SeaBIOS'],
  ['a window title ended by BEL', '\x1b]0;owned\x07text', 'text'],
  ['a window title ended by ST', '\x1b]0;owned\x1b\\text', 'text'],
  ['a string that never ends stays within its line', '\x1b]0;owned\nnext', '\nnext'],
  ['an application’s string', '\x1bPq#0\x1b\\text', 'text'],
  ['8-bit introducers', '\x9b31mred\x9d0;t\x9ctext', 'redtext'],
  ['a character set choice', '\x1b(Btext', 'text'],
  ['an escape at the end', 'text\x1b', 'text'],
  ['a control sequence at the end', 'text\x1b[', 'text'],
  ['backspace, BEL, NUL, DEL, carriage return', 'a\x08b\x07c\x00d\x7fe\r', 'abcde'],
  ['tab and newline stay', 'a\tb\nc', 'a\tb\nc'],
  ['marks that turn the text’s direction', 'a\u202eb\u2066c\u200f', 'abc'],
  ['other text stays', 'größer 漢字 🙂 [0m', 'größer 漢字 🙂 [0m'],
];
for (const [title, raw, shown] of cases) {
  test(title, () => {
    expect(stripControlCodes(raw)).toBe(shown);
  });
}

test('no control code is left of any text, and printable ASCII is kept', () => {
  const spicy = fc.array(
    fc.constantFrom(
      '\x1b',
      '[',
      ']',
      '(',
      'm',
      '0',
      ';',
      '\x07',
      '\\',
      'a',
      '\n',
      '\x9b',
      '\x9d',
      '\x9c',
      'P',
    ),
  );
  fc.assert(
    fc.property(spicy, (parts) => {
      expect(stripControlCodes(parts.join(''))).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
      expect(stripControlCodes(text)).toBe(text);
    }),
  );
});
