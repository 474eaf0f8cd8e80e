import { expect, test } from '@playwright/test';
import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  connectMonitor,
  MonitorClosedError,
  MonitorConnectError,
  MonitorGreetingError,
} from '../../../lib/monitor/index.js';
import { FakeMonitor, GREETING } from './fake-monitor.js';

test('the greeting may come byte by byte, and gives the version', async () => {
  await using fake = await FakeMonitor.start({ pieces: 1 });
  await using monitor = await connectMonitor({ port: fake.port });
  expect(monitor.peer).toMatchObject({ version: '7.2.22', remotePort: fake.port });
});

test('a port where nothing listens is named, with the system error code', async () => {
  const fake = await FakeMonitor.start();
  await fake[Symbol.asyncDispose]();
  const failure: unknown = await connectMonitor({ port: fake.port }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(MonitorConnectError);
  expect(failure).toMatchObject({
    code: 'ECONNREFUSED',
    message: expect.stringContaining(String(fake.port)),
  });
  await expect(connectMonitor({ path: '/nonexistent/monitor' })).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a port that swallows is not called busy', async () => {
  await using fake = await FakeMonitor.start({ greeting: '' });
  const failure: unknown = await connectMonitor({ port: fake.port, deadlineMs: 1_000 }).catch(
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({
    name: 'MonitorGreetingError',
    message: expect.stringContaining('said nothing'),
  });
});

test('a greeting that breaks off is quoted', async () => {
  await using fake = await FakeMonitor.start({ greeting: 'QEMU 7.2' });
  await expect(connectMonitor({ port: fake.port, deadlineMs: 1_000 })).rejects.toThrow(
    /broke off its greeting/,
  );
});

for (const [what, says, hint] of [
  ['ssh', 'SSH-2.0-dropbear\r\n', 'another service'],
  ['QMP', '{"QMP": {"version": {}}}\r\n', 'human monitor'],
  ['a flood', 'QEMU '.repeat(1000), 'not a QEMU monitor'],
] as const) {
  test(`a port that speaks ${what} is refused at once`, async () => {
    await using fake = await FakeMonitor.start({ greeting: says });
    const failure: unknown = await connectMonitor({ port: fake.port, deadlineMs: 60_000 }).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(MonitorGreetingError);
    expect(String(failure)).toContain(hint);
  });
}

test('a connection that is closed before the greeting says so', async () => {
  const server = createServer((socket) => socket.end(GREETING.slice(0, 20))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(connectMonitor({ port })).rejects.toBeInstanceOf(MonitorClosedError);
  } finally {
    server.close();
  }
});

test('nothing is left behind by a failed connection', async () => {
  let closed = false;
  const server = createServer((socket) => socket.resume().once('close', () => (closed = true))).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  try {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(connectMonitor({ port, deadlineMs: 50 })).rejects.toBeInstanceOf(MonitorGreetingError);
    await expect.poll(() => closed).toBe(true);
  } finally {
    server.close();
  }
});

test('whoever asked can end the connecting before the deadline', async () => {
  await using fake = await FakeMonitor.start({ greeting: 'QEMU 7.2' });
  const asker = new AbortController();
  const connecting = connectMonitor({ port: fake.port, deadlineMs: 60_000, signal: asker.signal });
  asker.abort();
  await expect(connecting).rejects.toBeInstanceOf(MonitorClosedError);
  await expect(connectMonitor({ port: fake.port, signal: asker.signal })).rejects.toThrow(/aborted/);
});
