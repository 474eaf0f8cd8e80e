import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from '@playwright/test';
import { connectGdb } from '../../../lib/gdb/index.js';
import { connectMonitor, type MonitorError } from '../../../lib/monitor/index.js';
import { optionsAt } from '../../../lib/monitor/qemu-at-port.js';
import { FirmwareQemu } from './firmware-qemu.js';

/** A server that greets, byte by byte if so asked, and keeps what it is sent. */
async function server(greeting: string, { bytewise = false, reply = '' } = {}) {
  const sockets = new Set<Socket>();
  const heard = { text: '' };
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => {
      heard.text += data.toString('latin1');
      if (reply !== '') socket.write(reply, 'latin1');
    });
    void (async () => {
      for (const piece of bytewise ? greeting : [greeting]) {
        if (piece !== '') socket.write(piece, 'latin1');
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    heard,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

async function failure(endpoint: Parameters<typeof connectMonitor>[0]): Promise<MonitorError> {
  return await connectMonitor(endpoint).then(
    async (monitor) => {
      await monitor.close();
      throw new Error('it connected');
    },
    (error: unknown) => error as MonitorError,
  );
}

for (const [what, greeting, said] of [
  ['ssh', 'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n', /another service, an SSH server/],
  ['QMP', '{"QMP": {"version": {"qemu": {}}, "capabilities": []}}\r\n', /QMP socket: a human monitor/],
  ['QMP, pretty', '{\r\n    "QMP": {\r\n', /QMP socket/],
  ['VNC', 'RFB 003.008\n', /VNC server/],
  ['NBD', 'NBDMAGICIHAVEOPT\0\x03', /NBD server/],
  ['HTTP', 'HTTP/1.0 408 Request Timeout\r\n\r\n', /HTTP server/],
  ['a login', '\r\nDebian GNU/Linux 12 guest ttyS0\r\n\r\nguest login: ', /guest's serial console/],
  ['a kernel log', '[    0.000000] x86/fpu: enabled\r\n', /guest's serial console/],
  ['a root shell', '\r\n\x1b[?2004hroot@guest:~# ', /guest's serial console/],
  ['telnet without more', '\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00\xff\xfd\x00', /negotiates telnet options/],
  ['telnet with a login', '\xff\xfb\x01\xff\xfb\x03guest login: ', /guest's serial console/],
  ['what nobody knows', 'hello\r\n', /it says "hello\\r\\n"\. Is it the port of another service\?/],
  ['nothing', '', /serial line or agent, the gdb stub of a VM that stood already, SPICE/],
] as const) {
  test(`a port that greets as ${what} is named, and is sent nothing`, async () => {
    for (const bytewise of [false, true]) {
      await using fake = await server(greeting, { bytewise });
      const { message } = await failure({ port: fake.port, deadlineMs: 700 });
      expect(message).toMatch(said);
      expect(message).toMatch(/not a QEMU monitor.*The monitor is at debug port \+ 100/);
      expect(fake.heard.text).toBe('');
    }
  });
}

test('a gdb stub that has stopped its VM is acknowledged and left, and asked nothing else', async () => {
  for (const bytewise of [false, true]) {
    await using fake = await server('$T02thread:01;#04', { bytewise, reply: '+$OK#9a' });
    const { message } = await failure({ port: fake.port });
    expect(message).toMatch(/gdb stub.*the VM runs on.*debug port \+ 100/);
    expect(message).toContain(`port ${fake.port + 100},`);
    expect(fake.heard.text).toBe('+$D#44');
  }
});

test('a stub that does not confirm the detaching is told as such', async () => {
  await using fake = await server('$S05#b8');
  expect((await failure({ port: fake.port })).message).toMatch(
    /has not confirmed that: "info status".*"cont"/,
  );
  expect(fake.heard.text).toBe('+$D#44');
});

test.describe('a real QEMU', () => {
  test('is not connected to at a gdb stub that its monitor has opened', async () => {
    await using qemu = await FirmwareQemu.start();
    await using monitor = await connectMonitor({ path: qemu.monitorPath, deadlineMs: 20_000 });
    const running = async () => (await monitor.infoStatus()).running;
    const opened = { port: await qemu.openStub(monitor) };
    expect(await running()).toBe(true);
    const said = /not a QEMU monitor\. No connection was made.*may be a gdb stub/;
    expect((await failure(opened)).message).toMatch(said);
    expect(await running()).toBe(true);
    await monitor.stop();
    expect((await failure(opened)).message).toMatch(said);
    expect(await running()).toBe(false);
  });

  test('is not stopped when a debugger leaves whose stub was mistaken for the monitor', async () => {
    await using qemu = await FirmwareQemu.start();
    await using monitor = await connectMonitor({ path: qemu.monitorPath, deadlineMs: 20_000 });
    const port = await qemu.openStub(monitor);
    const gdb = await connectGdb({ port });
    expect((await failure({ port })).message).toMatch(
      /busy with another client.*No connection was made.*may be a gdb stub/,
    );
    await gdb.detach();
    // What would be waiting for the stub is taken up by the same loop that answers the monitor.
    for (let time = 0; time < 20; time += 1) expect((await monitor.infoStatus()).running).toBe(true);
  });

  test('every other kind of port of a running VM is named, and the VM runs on', async () => {
    const socket = (name: string) => `path=FOLDER/${name}.sock,server=on,wait=off`;
    await using qemu = await FirmwareQemu.start(
      ...['-qmp', 'unix:FOLDER/qmp.sock,server=on,wait=off', '-vnc', 'unix:FOLDER/vnc.sock'],
      ...['-serial', 'unix:FOLDER/serial.sock,server=on,wait=off'],
      ...['-chardev', `socket,id=tty,telnet=on,${socket('telnet')}`, '-serial', 'chardev:tty'],
      ...['-chardev', `socket,id=agent,${socket('agent')}`, '-device', 'virtio-serial-pci'],
      ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
      ...['-chardev', `socket,id=stub,${socket('gdb')}`, '-gdb', 'chardev:stub'],
    );
    await using monitor = await connectMonitor({ port: qemu.monitorPort, deadlineMs: 20_000 });
    await qemu.waitFor('the stub', () => (existsSync(`${qemu.folder}/gdb.sock`) ? true : undefined));
    // The other monitor's second client.
    await using first = await connectMonitor({ path: qemu.monitorPath, deadlineMs: 20_000 });
    for (const [name, said] of [
      ['qmp', /QMP socket/],
      ['vnc', /VNC server/],
      ['serial', /serial line or agent.*has it by "-serial unix:|guest's serial console/],
      ['telnet', /negotiates telnet.*has it by "-chardev socket,id=tty.*-serial chardev:tty"|serial console/],
      ['agent', /serial line or agent.*-device virtserialport,chardev=agent,name=org\.qemu\.guest_agent/],
      ['gdb', /is QEMU's gdb stub\. No connection was made/],
      ['monitor', /busy with another client.*has it by "-monitor unix:/],
    ] as const) {
      const { message } = await failure({ path: `${qemu.folder}/${name}.sock`, deadlineMs: 500 });
      expect(message, name).toMatch(said);
      expect((await monitor.infoStatus()).running, name).toBe(true);
    }
    expect((await first.infoStatus()).running).toBe(true);
  });
});

test('the options of a command line that name an endpoint', () => {
  const words = [
    ...['/usr/bin/qemu-system-x86_64', '-s', '-S', '-monitor', 'tcp:127.0.0.1:4444,server,nowait'],
    ...[
      '-nic',
      'user,hostfwd=tcp::2222-:22,hostfwd=tcp:127.0.0.1:8080-10.0.2.15:80',
      '-vnc',
      '127.0.0.1:1,to=9',
    ],
    ...['-chardev', 'socket,id=c0,host=0.0.0.0,port=5555,server=on', '-device', 'virtconsole,chardev=c0'],
    ...['-mon', 'chardev=c0,mode=readline', '-spice', 'port=5930,disable-ticketing=on'],
  ];
  const at = (port: number) => optionsAt(words, { port });
  expect(at(1234)).toEqual(['-s']);
  expect(at(4444)).toEqual(['-monitor tcp:127.0.0.1:4444,server,nowait']);
  expect(at(444)).toEqual([]);
  expect(at(2222)[0]).toMatch(/^-nic user/);
  expect([at(22), at(80)]).toEqual([[], []]);
  expect(at(5901)[0]).toMatch(/^-vnc/);
  expect(at(5555).map((option) => option.split(' ')[0])).toEqual(['-chardev', '-device', '-mon']);
  expect(at(5930)[0]).toMatch(/^-spice/);
  expect(optionsAt(['qemu', '-gdb', 'unix:/run/gdb.sock,server=on'], { path: '/run/gdb.sock' })).toHaveLength(
    1,
  );
});
