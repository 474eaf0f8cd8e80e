import { expect, test } from '@playwright/test';
import {
  connectMonitor,
  MonitorClosedError,
  MonitorInputError,
  MonitorReplyTooLargeError,
  MonitorTimeoutError,
  quoteArgument,
  Transcript,
} from '../../../lib/monitor/index.js';
import { FakeMonitor } from './fake-monitor.js';

test('replies belong to their commands, however the bytes are cut', async () => {
  for (const pieces of [1, 2, 3, 7, 1000]) {
    await using fake = await FakeMonitor.start({
      pieces,
      answer: (command) => `(qemu) reply to ${command}\n(qemu) `,
    });
    await using monitor = await connectMonitor({ port: fake.port });
    const commands = ['info a', 'b', 'info status'];
    expect(await monitor.commands(commands)).toEqual(
      commands.map((command) => `(qemu) reply to ${command}\n(qemu) `),
    );
    expect(await monitor.command('again')).toBe('(qemu) reply to again\n(qemu) ');
  }
});

test('commands wait for each other: the second is not typed before the first is answered', async () => {
  await using fake = await FakeMonitor.start({ answer: (command) => (command === 'one' ? 'hang' : '') });
  await using monitor = await connectMonitor({ port: fake.port });
  const one = monitor.command('one', { timeoutMs: 100 });
  const two = monitor.command('two');
  await expect(one).rejects.toBeInstanceOf(MonitorTimeoutError);
  await expect(two).rejects.toBeInstanceOf(MonitorClosedError);
  expect(fake.commands).toEqual(['one']);
});

test('a deadline closes the client for good, and says which command it was', async () => {
  await using fake = await FakeMonitor.start({ answer: () => 'hang' });
  const transcript = new Transcript();
  await using monitor = await connectMonitor({ port: fake.port, transcript });
  const failure: unknown = await monitor
    .command('info slow', { timeoutMs: 50 })
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(MonitorTimeoutError);
  expect(failure).toMatchObject({ command: 'info slow', timeoutMs: 50 });
  expect(monitor.closed).toBe(true);
  await expect(monitor.command('info status')).rejects.toThrow(/client is closed.*info slow/s);
  expect(transcript.entries).toMatchObject([
    { command: 'info slow', failure: expect.stringContaining('50 ms') as unknown as string },
  ]);
});

test('the deadline of a pipelined command runs from its own turn', async () => {
  await using fake = await FakeMonitor.start({ answer: (command) => (command === 'last' ? 'hang' : 'ok\n') });
  await using monitor = await connectMonitor({ port: fake.port });
  const failure: unknown = await monitor
    .commands(['a', 'b', 'last'], { timeoutMs: 600 })
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ name: 'MonitorTimeoutError', command: 'last' });
});

for (const close of ['', 'half a rep', 'whole line\r\n', 'x\r\n(qemu) ']) {
  test(`EOF after ${JSON.stringify(close)} rejects all that is pending`, async () => {
    await using fake = await FakeMonitor.start({
      answer: (command) => (command === 'die' ? { close } : 'ok\n'),
    });
    await using monitor = await connectMonitor({ port: fake.port });
    const outcomes = await Promise.allSettled([
      monitor.commands(['fine', 'die', 'never']),
      monitor.command('queued'),
      monitor.command('queued too'),
    ]);
    for (const outcome of outcomes) {
      expect(outcome.status).toBe('rejected');
      const reason: unknown = outcome.status === 'rejected' ? outcome.reason : undefined;
      expect(reason).toBeInstanceOf(MonitorClosedError);
      expect(reason).toMatchObject({
        byPeer: true,
        message: expect.stringContaining('monitor closed the connection'),
      });
    }
    await expect(monitor.command('later')).rejects.toBeInstanceOf(MonitorClosedError);
  });
}

test('EOF while nothing is pending is told to the next command', async () => {
  await using fake = await FakeMonitor.start();
  await using monitor = await connectMonitor({ port: fake.port });
  await fake[Symbol.asyncDispose]();
  await expect.poll(() => monitor.closed).toBe(true);
  await expect(monitor.command('info status')).rejects.toBeInstanceOf(MonitorClosedError);
});

test('a reply larger than its bound closes the client', async () => {
  await using fake = await FakeMonitor.start({ answer: () => 'z'.repeat(100_000) });
  await using monitor = await connectMonitor({ port: fake.port, maxReplyBytes: 10_000 });
  await expect(monitor.command('info flood')).rejects.toBeInstanceOf(MonitorReplyTooLargeError);
  expect(monitor.closed).toBe(true);
});

test('what the line editor would act on is refused and nothing is typed', async () => {
  await using fake = await FakeMonitor.start({ answer: () => 'ok\n' });
  await using monitor = await connectMonitor({ port: fake.port });
  const bad = ['', '  ', 'a\nquit', 'a\rquit', 'tab\t', 'a\x00', '\x1b[A', 'x\x7f', 'ě', 'y'.repeat(5000)];
  for (const command of bad) await expect(monitor.command(command)).rejects.toBeInstanceOf(MonitorInputError);
  await expect(monitor.commands(['fine', 'a\nquit'])).rejects.toBeInstanceOf(MonitorInputError);
  expect(fake.commands).toEqual([]);
  expect(await monitor.command('fine')).toBe('ok\n');
});

test('letters beyond ASCII survive in both directions', async () => {
  await using fake = await FakeMonitor.start({ answer: (command) => `${command}\n` });
  await using monitor = await connectMonitor({ port: fake.port });
  expect(await monitor.command(`migrate ${quoteArgument('exec:cat > /tmp/Prüf "1"\\x')}`)).toBe(
    'migrate "exec:cat > /tmp/Prüf \\"1\\"\\\\x"\n',
  );
});

test('closing rejects what is pending, and says that it was this side', async () => {
  await using fake = await FakeMonitor.start({ answer: () => 'hang' });
  await using monitor = await connectMonitor({ port: fake.port });
  const pending = monitor.command('info status');
  const outcome = expect(pending).rejects.toMatchObject({ name: 'MonitorClosedError', byPeer: false });
  await monitor.close();
  await outcome;
  await monitor.close();
});

test('over TCP, chunks are acknowledged with bytes that the line editor ignores', async () => {
  await using fake = await FakeMonitor.start({ pieces: 5, answer: () => 'ok\n' });
  await using monitor = await connectMonitor({ port: fake.port });
  await monitor.command('info status');
  expect(await monitor.command('info status')).toBe('ok\n');
  expect(fake.nuls).toBeGreaterThan(2);
});

test('the transcript holds time, command, reply and duration', async () => {
  await using fake = await FakeMonitor.start({ answer: (command) => `${command}!\n` });
  const transcript = new Transcript();
  await using monitor = await connectMonitor({ port: fake.port, transcript });
  const before = Date.now();
  await monitor.commands(['a', 'b']);
  expect(transcript.entries.map(({ command, reply }) => [command, reply])).toEqual([
    ['a', 'a!\n'],
    ['b', 'b!\n'],
  ]);
  for (const { time, durationMs } of transcript.entries) {
    expect(time.getTime()).toBeGreaterThanOrEqual(before - 1);
    expect(durationMs).toBeGreaterThanOrEqual(0);
  }
  expect(transcript.toText()).toMatch(/^\d{4}-.*Z \(qemu\) a {2}\[\d+\.\d\d ms\]\na!\n/);
});
