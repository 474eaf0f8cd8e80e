import { expect, test } from '@playwright/test';
import {
  KernelLog,
  KernelLogAbortedError,
  KernelLogEndedError,
  KernelLogTimeoutError,
} from '../../../lib/guest/kernel-log/index.js';
import type { KernelLogEntry, KernelLogOptions } from '../../../lib/guest/kernel-log/index.js';
import { matcherOf } from '../../../lib/guest/kernel-log/pattern.js';
import { ReportDetector } from '../../../lib/guest/reports/index.js';
import { Channel } from './channel.js';

const LONG = { timeoutMs: 20_000 };

function follow(options: Partial<KernelLogOptions> = {}): { channel: Channel; log: KernelLog } {
  const channel = new Channel();
  return { channel, log: new KernelLog(channel, { format: 'kmsg', ...options }) };
}

function record(seq: number, text: string): string {
  return `6,${seq},${seq},-;${text}\n`;
}

function texts(entries: readonly KernelLogEntry[]): string[] {
  return entries.map(({ text }) => text);
}

test('a wait ends when its line comes, in whatever chunks', async () => {
  const { channel, log } = follow();
  const waiting = log.waitFor(/b(.)d/, LONG);
  for (const character of record(1, 'abc') + record(2, 'abcd')) channel.send(character);
  expect((await waiting).seq).toBe(2);
  channel.end();
  expect(await log.ended).toEqual({ reason: 'end of stream' });
});

test('a line that has come already is found, from the mark on only', async () => {
  const { channel, log } = follow();
  channel.send(record(1, 'ready'), record(2, 'other'));
  await log.waitFor('other', LONG);
  expect((await log.waitFor('ready', LONG)).seq).toBe(1);
  log.mark('second test');
  const waiting = log.waitFor('ready', LONG);
  channel.send(record(3, 'ready'));
  expect((await waiting).seq).toBe(3);
  await log.close();
});

test('an expression with the global flag forgets no line', () => {
  const matches = matcherOf(/ready/g);
  const entry = { text: 'ready' };
  expect([matches(entry), matches(entry)]).toEqual([true, true]);
});

test('every line belongs to the window in which it arrived', async () => {
  const { channel, log } = follow();
  const first = log.mark('first');
  channel.send(record(1, 'a'), record(2, 'b'));
  await log.waitFor('b', LONG);
  const second = log.mark('second');
  channel.send(record(3, 'c'));
  await log.waitFor('c', LONG);
  expect(texts(log.entriesSince(first, second))).toEqual(['a', 'b']);
  expect(texts(log.entriesSince(second))).toEqual(['c']);
  expect(texts(log.entries)).toEqual(['a', 'b', 'c']);
  await log.close();
});

test('a mark through the guest stands where the kernel put it: lines still on their way belong to the test before', async () => {
  const written: string[] = [];
  const { channel, log } = follow({
    write: (line) => {
      written.push(line);
      // Printed before the mark, but arriving after it was asked for; and the next test's line right behind it in the same chunk.
      channel.send(
        record(1, 'late line of the first test') + `12,2,2,-;${line}\n` + record(3, 'of the second'),
      );
      return Promise.resolve();
    },
  });
  const first = log.mark('first');
  const second = await log.markThroughGuest('second\nwith a line feed', LONG);
  await log.waitFor('of the second', LONG);
  expect(texts(log.entriesSince(first, second))[0]).toBe('late line of the first test');
  expect(texts(log.entriesSince(second))).toEqual(['of the second']);
  expect(written[0]).toMatch(/^opentdx-e2e mark [0-9a-f-]{36} second with a line feed$/);
  await log.close();
});

test('a mark that cannot be written says so at once', async () => {
  const { log } = follow({ write: () => Promise.reject(new Error('ssh: no route to guest')) });
  await expect(log.markThroughGuest('x', LONG)).rejects.toThrow('ssh: no route to guest');
  await log.close();
  const { log: readOnly } = follow();
  await expect(readOnly.markThroughGuest('x', LONG)).rejects.toThrow(TypeError);
  await readOnly.close();
});

test('a wait whose budget is spent names the pattern, the budget and the last lines', async () => {
  const { channel, log } = follow();
  channel.send(record(1, 'the last thing \u001b[31mseen'));
  await log.waitFor('last thing', LONG);
  const error = await log.waitFor(/never/, { timeoutMs: 1 }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(KernelLogTimeoutError);
  const { message } = error as Error;
  expect(message).toContain('/never/');
  expect(message).toContain('1 ms');
  expect(message).toContain('the last thing \\x1b[31mseen');
  await log.close();
});

test('the end of the channel ends the waits at once, and later ones too; what the channel threw is the cause', async () => {
  const { channel, log } = follow();
  const waiting = log.waitFor('never', LONG).catch((reason: unknown) => reason);
  const failure = new Error('connection reset');
  channel.fail(failure);
  expect(await log.ended).toEqual({ reason: 'channel failed', error: failure });
  for (const error of [await waiting, await log.waitFor('never', LONG).catch((reason: unknown) => reason)]) {
    expect(error).toBeInstanceOf(KernelLogEndedError);
    expect((error as Error).cause).toBe(failure);
  }
});

test('a line that only the end of the stream completes still counts', async () => {
  const { channel, log } = follow();
  const waiting = log.waitFor('half a li', LONG);
  channel.send('6,1,1,-;half a li');
  channel.end();
  expect((await waiting).flaw).toBe('truncated');
});

test('a panic ends a wait at once', async () => {
  const { channel, log } = follow();
  const waiting = log.waitFor('never', LONG).catch((reason: unknown) => reason);
  channel.send(record(1, 'Kernel panic - not syncing: Fatal exception'));
  const error = await waiting;
  expect(error).toBeInstanceOf(KernelLogAbortedError);
  expect((error as Error).message).toContain('Kernel panic - not syncing: Fatal exception');
  expect(error).toHaveProperty('lastEntries', ['[ 0.000001] Kernel panic - not syncing: Fatal exception']);
  // Whoever waits for the panic itself gets it.
  expect((await log.waitFor(/panic/, LONG)).seq).toBe(1);
  await log.close();
});

test('what user space says of a panic ends nothing', async () => {
  const { channel, log } = follow();
  const waiting = log.waitFor('awaited', LONG);
  channel.send('12,1,1,-;Kernel panic - not syncing: said a program\n', record(2, 'awaited'));
  expect((await waiting).seq).toBe(2);
  await log.close();
});

test('a wait can be given up', async () => {
  const { log } = follow();
  const givingUp = new AbortController();
  const waiting = log.waitFor('never', { ...LONG, signal: givingUp.signal });
  givingUp.abort(new Error('test is over'));
  await expect(waiting).rejects.toThrow('test is over');
  await log.close();
});

test('a predicate that throws fails its own wait only', async () => {
  const { channel, log } = follow();
  const broken = log.waitFor(() => {
    throw new Error('broken predicate');
  }, LONG);
  const sound = log.waitFor('x', LONG);
  channel.send(record(1, 'x'));
  await expect(broken).rejects.toThrow('broken predicate');
  expect((await sound).seq).toBe(1);
  await log.close();
});

test('close tells those who wait, keeps what came, and does not need the channel to end', async () => {
  const { channel, log } = follow();
  channel.send(record(1, 'x'));
  await log.waitFor('x', LONG);
  const waiting = log.waitFor('never', LONG).catch((reason: unknown) => reason);
  await log.close();
  expect(await waiting).toBeInstanceOf(KernelLogEndedError);
  channel.send(record(2, 'y'));
  channel.fail(new Error('nobody listens'));
  await new Promise(setImmediate);
  expect(texts(log.entries)).toEqual(['x']);
  expect(await log.ended).toEqual({ reason: 'closed' });
});

test('listeners get every entry in order, until they are taken off', async () => {
  const { channel, log } = follow();
  const heard: string[] = [];
  const takeOff = log.onEntry(({ text }) => void heard.push(text));
  channel.send(record(1, 'a') + record(2, 'b'));
  await log.waitFor('b', LONG);
  takeOff();
  channel.send(record(3, 'c'));
  await log.waitFor('c', LONG);
  expect(heard).toEqual(['a', 'b']);
  await log.close();
});

test('a log beyond its cap drops the oldest and says so where they were', async () => {
  const { channel, log } = follow({ limits: { entries: 100 } });
  const start = log.mark('start');
  for (let seq = 0; seq < 1000; seq++) channel.send(record(seq, `line ${seq}`));
  await log.waitFor('line 999', LONG);
  const entries = log.entriesSince(start);
  expect(entries.length).toBeLessThanOrEqual(101);
  const [loss, first] = entries;
  expect(loss?.lost).toEqual({ count: 1000 - (entries.length - 1), where: 'store' });
  expect(first?.seq).toBe(loss?.lost?.count);
  expect(entries.at(-1)?.text).toBe('line 999');
  // A mark behind what was dropped still means the same place.
  const late = log.mark('late');
  channel.send(record(1000, 'after the mark'));
  await log.waitFor('after the mark', LONG);
  expect(texts(log.entriesSince(late))).toEqual(['after the mark']);
  expect(log.entriesSince(start, late).at(-1)?.text).toBe('line 999');
  await log.close();
});

test('a guest that floods with long lines is bounded by characters', async () => {
  const { channel, log } = follow({ limits: { characters: 50_000 } });
  for (let seq = 0; seq < 300; seq++) channel.send(record(seq, 'x'.repeat(2000)));
  channel.end();
  await log.ended;
  const held = texts(log.entries).join('').length;
  expect(held).toBeLessThanOrEqual(50_000);
  expect(log.entries.at(-1)?.seq).toBe(299);
});

test('a detector that hears every entry attributes reports to windows by the marks, over losses too', async () => {
  const { channel, log } = follow({ limits: { entries: 20 } });
  const detector = new ReportDetector();
  log.onEntry((entry) => {
    detector.push(entry);
  });
  for (let seq = 0; seq < 50; seq++) channel.send(record(seq, 'eth0: ordinary'));
  channel.send(
    record(100, 'BUG: Bad rss-counter state mm:0 type:MM_ANONPAGES val:1'),
    record(101, 'end of first'),
  );
  await log.waitFor('end of first', LONG);
  const second = log.mark('second');
  channel.send(record(102, 'DMAR: DRHD: handling fault status reg 2'), record(103, 'end of second'));
  await log.waitFor('end of second', LONG);
  expect(detector.reportsBetween(0, second.position).map(({ kind }) => kind)).toEqual(['bad-page']);
  expect(detector.reportsBetween(second.position).map(({ kind }) => kind)).toEqual(['dmar-fault']);
  await log.close();
});
