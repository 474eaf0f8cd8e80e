import { expect, test } from '@playwright/test';
import { BoundedOutput, OutputTail } from '../../../lib/guest/ssh/bounded-output.js';
import { describeCommand, describeOutput, tailOf } from '../../../lib/guest/ssh/display.js';

test('a tail is bounded and carries no control codes', () => {
  expect(tailOf(Buffer.from('a\x1b[31mred\x1b[0m\r\n\x07b\x00\u0085\tc'))).toBe('ared\n\\x07b\\x00\\x85\tc');
  expect(tailOf(Buffer.from('\u202etxt.exe\u2066 \u061c\ufeff\u2028'))).toBe(
    '\\u202etxt.exe\\u2066 \\u061c\\ufeff\\u2028',
  );
  const long = tailOf(Buffer.from('x'.repeat(100_000) + 'end'));
  expect(long).toHaveLength(2000);
  expect(long.endsWith('end')).toBe(true);
});

test('a command is shown as one could type it, and is cut', () => {
  expect(describeCommand(['dmesg', '-T', '--x=/a.b:c', "it's", 'a b', ''])).toBe(
    "dmesg -T --x=/a.b:c 'it'\\''s' 'a b' ''",
  );
  expect(describeCommand(['\x1b[2J'])).toBe("'\\x1b[2J'");
  expect(describeCommand(['x'.repeat(5000)])).toMatch(/^x{300}… \(5000 characters\)$/);
});

test('outputs are named, and none is said to be none', () => {
  expect(describeOutput(Buffer.from('o'), Buffer.from('e'))).toBe('last of stdout:\no\nlast of stderr:\ne');
  expect(describeOutput(Buffer.from(''), Buffer.from('\n'))).toBe('no output');
});

test('an output fits up to its last byte, and says when it does not', () => {
  const output = new BoundedOutput(5);
  expect([
    output.add(Buffer.from('abc')),
    output.add(Buffer.from('de')),
    output.add(Buffer.from('f')),
  ]).toEqual([true, true, false]);
  expect(output.content().toString()).toBe('abcde');
});

test('a kept tail is the end of the stream', () => {
  const tail = new OutputTail(4);
  for (const chunk of ['ab', 'cd', 'ef']) tail.add(Buffer.from(chunk));
  expect(tail.content().toString()).toBe('cdef');
});
