import { expect, test } from '@playwright/test';
import { Transcript } from '../../../lib/monitor/index.js';

const entry = (command: string, reply = 'ok\n') => ({ time: new Date(0), command, reply, durationMs: 1 });

test('a transcript stays within its bound, keeps the newest and counts what it left out', () => {
  const transcript = new Transcript({ maxCharacters: 10_000 });
  for (let index = 0; index < 5_000; index += 1) transcript.record(entry(`c${String(index)}`));
  expect(transcript.entries.length).toBeLessThan(100);
  expect(transcript.entries.at(-1)?.command).toBe('c4999');
  expect(transcript.entries.length + transcript.dropped).toBe(5_000);
  expect(transcript.toText()).toMatch(/^\[\d+ older commands left out\]\n/);
  expect(transcript.toText().length).toBeLessThan(10_000);
});

test('long replies are shortened, with their length said', () => {
  const transcript = new Transcript({ maxReplyCharacters: 10 });
  transcript.record(entry('info mem', 'x'.repeat(1_000)));
  expect(transcript.entries[0]?.reply).toBe(`${'x'.repeat(10)}\n[… 990 characters more]\n`);
});

test('one entry beyond the whole bound is kept all the same', () => {
  const transcript = new Transcript({ maxCharacters: 10 });
  transcript.record(entry('a long command'));
  expect(transcript.entries).toHaveLength(1);
});

test('control codes are shown, not passed on', () => {
  const transcript = new Transcript();
  transcript.record(entry('info name', '\x1b[2Jevil\x07\x9b\n'));

  expect(transcript.toText()).not.toMatch(/[\x1b\x07\x9b]/);
  expect(transcript.toText()).toContain('\\x1b[2Jevil\\x07\\x9b');
});
