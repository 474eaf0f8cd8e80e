import { existsSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import getPort from 'get-port';
import { connectMonitor } from '../../../lib/monitor/index.js';
import { TelnetFilter } from '../../../lib/monitor/telnet.js';
import { FakeMonitor, GREETING } from './fake-monitor.js';
import { FirmwareQemu } from './firmware-qemu.js';

/** What QEMU's telnet chardev says first (chardev/char-socket.c, tcp_chr_telnet_init()). */
const QEMU_OFFERS = '\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00\xff\xfd\x00';

function filtered(stream: string, size: number): { text: string; answers: string } {
  const filter = new TelnetFilter();
  let text = '';
  let answers = '';
  for (let at = 0; at < stream.length; at += size) {
    text += filter.push(Buffer.from(stream.slice(at, at + size), 'latin1')).toString('latin1');
    answers += filter.takeAnswers().toString('latin1');
  }
  return { text, answers };
}

for (const [what, stream, text, answers] of [
  ['plain text', 'info\r\n', 'info\r\n', ''],
  ["QEMU's offers", `${QEMU_OFFERS}hello`, 'hello', '\xff\xfd\x01\xff\xfd\x03\xff\xfd\x00\xff\xfb\x00'],
  [
    'what is on already',
    `${QEMU_OFFERS}${QEMU_OFFERS}`,
    '',
    '\xff\xfd\x01\xff\xfd\x03\xff\xfd\x00\xff\xfb\x00',
  ],
  ['other options, which are refused', 'a\xff\xfd\x18b\xff\xfb\x22c', 'abc', '\xff\xfc\x18\xff\xfe\x22'],
  [
    'an option that is turned off again',
    '\xff\xfb\x01\xff\xfc\x01\xff\xfc\x05',
    '',
    '\xff\xfd\x01\xff\xfe\x01',
  ],
  ['commands without an option', 'a\xff\xf1b\xff\xf9c', 'abc', ''],
  ['a subnegotiation with a doubled 255', 'a\xff\xfa\x18\x00x\xff\xffy\xff\xf0b', 'ab', ''],
  ['a doubled 255, which is data', 'a\xff\xffb', 'a\xffb', ''],
] as const) {
  test(`telnet: ${what}, in chunks of any size`, () => {
    for (let size = 1; size <= stream.length; size += 1)
      expect(filtered(stream, size)).toEqual({ text, answers });
  });
}

test('a monitor behind telnet greets, and negotiates in the middle of a reply', async () => {
  for (const pieces of [1, 2, 5, 4096]) {
    await using fake = await FakeMonitor.start({
      greeting: `${QEMU_OFFERS}${GREETING}`,
      answer: (command) => `one \xff\xfb\x05${command}\xff\xf1 two\n`,
      pieces,
    });
    await using monitor = await connectMonitor({ port: fake.port });
    expect(monitor.peer.version).toBe('7.2.22');
    expect(await monitor.command('info name')).toBe('one info name two\n');
    expect(await monitor.commands(['a', 'b'])).toEqual(['one a two\n', 'one b two\n']);
  }
});

test('telnet monitors of a real QEMU, over TCP on either loopback address and over a unix socket', async () => {
  const [four, six] = [await getPort(), await getPort({ host: '::1' })];
  await using qemu = await FirmwareQemu.start(
    ...['-S', '-monitor', `telnet:127.0.0.1:${four},server,nowait`],
    ...['-chardev', `socket,id=six,telnet=on,host=::1,port=${six},server=on,wait=off`, '-mon', 'six'],
    ...['-chardev', 'socket,id=t,telnet=on,path=FOLDER/telnet.sock,server=on,wait=off', '-mon', 't'],
  );
  const telnetPath = `${qemu.folder}/telnet.sock`;
  await qemu.waitFor('the telnet monitors', () =>
    qemu.ports.length === 3 && existsSync(telnetPath) ? true : undefined,
  );
  for (const endpoint of [
    { port: four },
    { port: six, host: '[::1]' },
    { port: six, host: '::1' },
    { path: telnetPath },
  ]) {
    await using monitor = await connectMonitor({ ...endpoint, deadlineMs: 20_000 });
    expect(await monitor.infoStatus()).toEqual({ running: false, state: 'prelaunch' });
    expect(await monitor.commands(Array.from({ length: 20 }, () => 'info name'))).toEqual(
      Array.from({ length: 20 }, () => ''),
    );
    expect((await monitor.infoMtree()).length).toBeGreaterThan(0);
  }
});
