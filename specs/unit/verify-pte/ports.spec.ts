import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, test } from '@playwright/test';
import getPort from 'get-port';

import { connectMonitor } from '../../../lib/monitor/index.js';
import { FirmwareQemu } from '../monitor/firmware-qemu.js';
import { runTool } from './run-tool.js';

/** A server that answers whatever it is sent, and counts that. */
async function httpServer() {
  let heard = 0;
  const server = createServer((_, response) => response.end('hello\n')).listen(0, '127.0.0.1');
  server.on('connection', (socket) => socket.on('data', ({ length }) => (heard += length)));
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get heard() {
      return heard;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('whatever port of a running VM it is given, the VM runs on and the kind of the port is named', async () => {
  test.setTimeout(120_000);
  const port = () => getPort({ host: '127.0.0.1' });
  const [qmp, gdb, ssh, serial, closed] = [
    ...[await port(), await port(), await port(), await port(), await port()],
  ];
  const vnc = await getPort({ host: '127.0.0.1', port: Array.from({ length: 100 }, (_, n) => 5990 + n) });
  const local = (number: number | undefined) => `127.0.0.1:${String(number)}`;
  await using http = await httpServer();
  await using qemu = await FirmwareQemu.start(
    ...['-qmp', `tcp:${local(qmp)},server,nowait`, '-gdb', `tcp:${local(gdb)}`, '-vnc', local(vnc - 5900)],
    ...['-serial', `tcp:${local(serial)},server,nowait`],
    ...['-netdev', `user,id=n,hostfwd=tcp:${local(ssh)}-:22`, '-device', 'e1000,netdev=n'],
  );
  await using monitor = await connectMonitor({ path: qemu.monitorPath, deadlineMs: 20_000 });
  const taken = [qmp, gdb, ssh, serial, vnc];
  const hmp = await qemu.waitFor('the monitor', () => qemu.ports.find((each) => !taken.includes(each)));
  for (const [name, at, said] of [
    ['HMP', hmp, /vCPU 0 is not in 64-bit mode/],
    ['QMP', qmp, /It is a QMP socket: a human monitor/],
    [
      'gdb',
      gdb,
      new RegExp(
        `it is QEMU's gdb stub\\. No connection was made.*The monitor is at port ${Number(gdb) + 100}`,
      ),
    ],
    ['ssh', ssh, /It is a port that is forwarded to the guest.*nothing was sent to it/],
    ['serial', serial, /It is a guest's serial line or agent; so nothing was sent to it/],
    ['VNC', vnc, /VNC server/],
    ['closed', closed, /ECONNREFUSED.*Is the VM running\? Its monitor is at debug port \+ 100/],
    [
      'HTTP',
      http.port,
      new RegExp(`waits to be spoken to \\(HTTP\\).*\\(process ${process.pid}\\) listens there`),
    ],
  ] as const) {
    const run = await runTool([String(at), '0x7f1234567000']);
    expect(run, name).toMatchObject({ exitCode: 1, stdout: '' });
    expect(run.stderr, name).toMatch(said);
    expect((await monitor.infoStatus()).running, name).toBe(true);
  }
  expect(http.heard).toBe(0);
});
