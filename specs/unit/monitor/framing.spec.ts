import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { MonitorReplyTooLargeError } from '../../../lib/monitor/errors.js';
import { ReplyFramer, typed } from '../../../lib/monitor/framing.js';
import { conversation } from './fake-monitor.js';

/** Frames what a monitor sends for some commands, cut into the given pieces. */
function frame(
  commands: readonly { command: string; mark: string }[],
  pieces: readonly string[],
  maxBytes = 1e6,
) {
  const framer = new ReplyFramer();
  for (const { command, mark } of commands) framer.expect(command, mark, maxBytes);
  const got = pieces.flatMap((piece) => [...framer.push(piece)]);
  return { got, pending: framer.pending };
}

const replies = new Map([
  ['info name', 'a name with (qemu) in it\n(qemu) q\n(qemu) \n'],
  ['x', ''],
  ['info status', 'VM status: running\n'],
]);
const commands = [
  { command: 'info name', mark: 'q' },
  { command: 'x', mark: 'x' },
  { command: 'info status', mark: 'a' },
];
const sent = conversation(commands.map(({ command, mark }) => typed(command, mark)).join(''), (command) => {
  return replies.get(command) ?? 'unknown';
});
const expected = [...replies.values()].map((text) => ({
  kind: 'reply',
  text: text.replaceAll('\n', '\r\n'),
}));

test('replies come out whole, with prompts inside them, wherever the stream is cut in two', () => {
  for (let cut = 0; cut <= sent.length; cut += 1) {
    const { got, pending } = frame(commands, [sent.slice(0, cut), sent.slice(cut)]);
    expect(got, `cut at ${String(cut)}`).toEqual(expected);
    expect(pending).toBe(false);
  }
});

test('replies come out whole when every byte comes alone', () => {
  expect(frame(commands, Array.from(sent)).got).toEqual(expected);
});

test('a reply is not given before the monitor has shown that it is finished', () => {
  for (let cut = 0; cut < sent.length; cut += 1) {
    const { got, pending } = frame(commands, [sent.slice(0, cut)]);
    expect(got.length, `cut at ${String(cut)}`).toBeLessThan(expected.length);
    expect(pending).toBe(true);
  }
});

test('any text that holds no editing code is framed, in any pieces', () => {
  const line = fc.oneof(
    fc.constantFrom('(qemu) ', '(qemu) a', '\n', 'info name'),
    fc.string({ unit: 'binary-ascii' }),
  );
  const text = fc.array(line).map((parts) => parts.join('').replaceAll('\x1b', '?').replaceAll('\r', ''));
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(40)), (texts, sizes) => {
      const asked = texts.map((_, index) => ({ command: `c${String(index)}`, mark: 'm' }));
      const all = conversation(
        asked.map(({ command, mark }) => typed(command, mark)).join(''),
        (command) => texts[Number(command.slice(1))] ?? '',
      );
      const pieces: string[] = [];
      let at = 0;
      for (const size of sizes) pieces.push(all.slice(at, (at += size)));
      pieces.push(all.slice(at));
      const { got } = frame(asked, pieces);
      expect(got.map((item) => item.text.replaceAll('\r\n', '\n'))).toEqual(texts);
    }),
  );
});

test('text that comes unasked is told apart', () => {
  expect(frame([], ['hello']).got).toEqual([{ kind: 'unsolicited', text: 'hello' }]);
  expect(frame(commands, [`${sent}late`]).got.at(-1)).toEqual({ kind: 'unsolicited', text: 'late' });
});

test('a reply beyond its bound is an error, one at the bound is not', () => {
  const one = [{ command: 'x', mark: 'a' }];
  const stream = conversation(typed('x', 'a'), () => 'y'.repeat(1000));
  expect(frame(one, [stream], 1000).got).toHaveLength(1);
  expect(() => frame(one, [stream.slice(0, 500), stream.slice(500)], 100)).toThrow(MonitorReplyTooLargeError);
});

test('an echo that never ends is an error', () => {
  const flood = Array.from({ length: 100 }, () => '.'.repeat(1000));
  expect(() => frame([{ command: 'x', mark: 'a' }], flood)).toThrow(MonitorReplyTooLargeError);
});

test('a reply of a million small chunks costs linear time', () => {
  const framer = new ReplyFramer();
  framer.expect('x', 'a', 1e9);
  const stream = conversation(typed('x', 'a'), () => '0123456789abcde\n'.repeat(200_000));
  let replies = 0;
  for (let at = 0; at < stream.length; at += 4) replies += [...framer.push(stream.slice(at, at + 4))].length;
  expect(replies).toBe(1);
});
