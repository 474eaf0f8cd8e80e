import { expect, test } from '@playwright/test';
import { readBanner } from '../../../lib/guest/ssh/banner.js';
import { waitForBanner } from '../../../lib/guest/ssh/wait-for-banner.js';
import { closedPort, FakeServer } from './fake-servers.js';

const BANNER = 'SSH-2.0-dropbear_2022.83';
const PATIENT_MS = 20_000;
const never = new AbortController().signal;

function at(port: number): { host: string; port: number } {
  return { host: '127.0.0.1', port };
}

test('a banner is read, also in pieces and with what follows it', async () => {
  await using server = await FakeServer.start((socket) => {
    socket.setNoDelay(true).write('SS');
    setTimeout(() => socket.write(`${BANNER.slice(2)}\r\n\x00\x00\x01`), 20);
  });
  expect(await readBanner(at(server.port), PATIENT_MS)).toEqual({ banner: BANNER });
});

test('a closed port is told from one that is closed after it was accepted', async () => {
  expect(await readBanner(at(await closedPort()), PATIENT_MS)).toMatchObject({
    reason: 'connection refused',
    seen: expect.stringContaining('ECONNREFUSED'),
  });
  await using ends = await FakeServer.start((socket) => socket.end());
  expect(await readBanner(at(ends.port), PATIENT_MS)).toMatchObject({ reason: 'closed without a banner' });
  await using resets = await FakeServer.start((socket) => socket.resetAndDestroy());
  expect(await readBanner(at(resets.port), PATIENT_MS)).toMatchObject({ reason: 'closed without a banner' });
});

test('silence ends with the patience, and says that the connection was accepted', async () => {
  await using server = await FakeServer.start(() => undefined);
  const result = await readBanner(at(server.port), 500);
  expect(result).toEqual({
    reason: 'no banner',
    seen: 'the connection was accepted, and nothing came within 500 ms',
  });
});

for (const words of ['QEMU 7.2.22 monitor\r\n', 'S', `SSH-${'x'.repeat(300)}`]) {
  test(`${JSON.stringify(words.slice(0, 20))} is no ssh server's banner`, async () => {
    await using server = await FakeServer.start((socket) => socket.end(words));
    const result = await readBanner(at(server.port), PATIENT_MS);
    expect(result).toMatchObject({ reason: words === 'S' ? 'closed without a banner' : 'not an ssh server' });
    expect(result).toMatchObject({ seen: expect.stringContaining(words.slice(0, 10).trim()) });
  });
}

test('an abort ends the attempt', async () => {
  await using server = await FakeServer.start(() => undefined);
  const abort = new AbortController();
  const attempt = readBanner(at(server.port), PATIENT_MS, abort.signal);
  abort.abort();
  expect(await attempt).toMatchObject({ reason: 'no banner', seen: 'the wait was ended' });
});

test('a wait goes on past connections that are closed', async () => {
  await using server = await FakeServer.start((socket, count) => {
    if (count < 4) socket.destroy();
    else socket.write(`${BANNER}\r\n`);
  });
  expect(await waitForBanner(at(server.port), PATIENT_MS, never)).toEqual({ banner: BANNER });
});

test('a wait overtakes a connection that was accepted and hangs', async () => {
  let silentEnded = false;
  let endedBeforeTheNext: boolean | undefined;
  await using server = await FakeServer.start((socket, count) => {
    if (count === 1) socket.on('close', () => (silentEnded = true));
    else {
      endedBeforeTheNext ??= silentEnded;
      socket.write(`${BANNER}\r\n`);
    }
  });
  expect(await waitForBanner(at(server.port), PATIENT_MS, never)).toEqual({ banner: BANNER });
  // It might have been a slow server: the first attempt was not given up for the second.
  expect(endedBeforeTheNext).toBe(false);
});

test('a wait takes the answer of a slow server', async () => {
  await using server = await FakeServer.start((socket, count) => {
    if (count === 1) setTimeout(() => socket.write(`${BANNER}\r\n`), 600);
  });
  expect(await waitForBanner(at(server.port), PATIENT_MS, never)).toEqual({ banner: BANNER });
});

test('a wait never has more than 4 connections open', async () => {
  let open = 0;
  let most = 0;
  await using server = await FakeServer.start((socket) => {
    open += 1;
    most = Math.max(most, open);
    socket.on('close', () => (open -= 1));
  });
  await waitForBanner(at(server.port), 1500, never);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(4);
});

test('a wait ends with its budget, and says what it saw last', async () => {
  expect(await waitForBanner(at(await closedPort()), 100, never)).toMatchObject({
    reason: 'connection refused',
  });
  await using silent = await FakeServer.start(() => undefined);
  expect(await waitForBanner(at(silent.port), 400, never)).toMatchObject({
    reason: 'no banner',
    seen: expect.stringContaining('accepted'),
  });
});

test('a wait ends at once for another kind of server, and when it is aborted', async () => {
  await using monitor = await FakeServer.start((socket) => socket.write('QEMU 7.2.22 monitor\r\n'));
  expect(await waitForBanner(at(monitor.port), PATIENT_MS, never)).toMatchObject({
    reason: 'not an ssh server',
  });
  await using silent = await FakeServer.start(() => undefined);
  const abort = new AbortController();
  const wait = waitForBanner(at(silent.port), PATIENT_MS, abort.signal);
  abort.abort();
  expect(await wait).toMatchObject({ reason: 'no banner' });
});

test('a server that has too many connections before login is waited for', async () => {
  await using server = await FakeServer.start((socket, count) => {
    socket.end(count < 4 ? 'Exceeded MaxStartups\r\n' : `${BANNER}\r\n`);
  });
  expect(await readBanner(at(server.port), PATIENT_MS)).toMatchObject({
    reason: 'closed without a banner',
    seen: expect.stringContaining('busy: "Exceeded MaxStartups'),
  });
  expect(await waitForBanner(at(server.port), PATIENT_MS, never)).toEqual({ banner: BANNER });
});
