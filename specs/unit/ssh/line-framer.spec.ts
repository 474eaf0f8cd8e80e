import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { LineFramer, LineTooLongError } from '../../../lib/guest/ssh/line-framer.js';

function frame(
  chunks: readonly Buffer[],
  maxLineBytes = 1000,
): { lines: string[]; rest: string | undefined } {
  const framer = new LineFramer(maxLineBytes);
  const lines = chunks.flatMap((chunk) => [...framer.push(chunk)]);
  return { lines, rest: framer.end() };
}

test('lines do not depend on how the stream was cut, within characters neither', () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll('\n', ''));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(200)), fc.boolean(), (lines, cuts, ended) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join('') + (ended ? '' : 'rest ü'));
      const edges = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
      const chunks = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
      expect(frame(chunks)).toEqual({ lines, rest: ended ? undefined : 'rest ü' });
    }),
  );
});

test('a line as long as the bound is accepted, a longer one is not, complete or not', () => {
  expect(frame([Buffer.from('12345\n')], 5).lines).toEqual(['12345']);
  expect(() => frame([Buffer.from('123456\n')], 5)).toThrow(LineTooLongError);
  expect(() => frame([Buffer.from('123'), Buffer.from('456')], 5)).toThrow(LineTooLongError);
});

test('lines before one that is too long are given out', () => {
  const pushed = new LineFramer(5).push(Buffer.from('ok\n123456'));
  expect(pushed.next().value).toBe('ok');
  expect(() => pushed.next()).toThrow(/a line of more than 5 bytes/);
});
