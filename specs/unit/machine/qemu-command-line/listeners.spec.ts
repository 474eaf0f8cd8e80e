import { expect, test } from '@playwright/test';

import {
  isOnLoopback,
  listenersOf,
  monitorsOf,
  onLoopback,
  parseCommandLine,
  reachableMonitors,
  withConfigs,
  wordsOf,
} from '../../../../lib/machine/qemu-command-line/index.js';

/** As a script has it, and as it is when nothing but this host is listened to. */
const exposed: (readonly [string[], string[]])[] = [
  [
    ['-vnc', ':1'],
    ['-vnc', '127.0.0.1:1'],
  ],
  [
    ['-vnc', '0.0.0.0:1,password=on,websocket=5701'],
    ['-vnc', '127.0.0.1:1,password=on,websocket=5701'],
  ],
  [
    ['-display', 'vnc=:2'],
    ['-display', 'vnc=127.0.0.1:2'],
  ],
  [
    ['-spice', 'port=5930,disable-ticketing=on'],
    ['-spice', 'port=5930,disable-ticketing=on,addr=127.0.0.1'],
  ],
  [
    ['-spice', 'addr=0.0.0.0,tls-port=5931'],
    ['-spice', 'tls-port=5931,addr=127.0.0.1'],
  ],
  [
    ['-chardev', 'socket,id=c,host=0.0.0.0,port=4000,server=on,wait=off'],
    ['-chardev', 'socket,id=c,port=4000,server=on,wait=off,host=127.0.0.1'],
  ],
  [
    ['-chardev', 'socket,id=c,port=4000,server'],
    ['-chardev', 'socket,id=c,port=4000,server,host=127.0.0.1'],
  ],
  [
    ['-monitor', 'tcp:0:1334,server,nowait'],
    ['-monitor', 'tcp:127.0.0.1:1334,server,nowait'],
  ],
  [
    ['-monitor', 'telnet::1334,server'],
    ['-monitor', 'telnet:127.0.0.1:1334,server'],
  ],
  [
    ['-qmp', 'tcp:[::]:4444,server,ipv6=on'],
    ['-qmp', 'tcp:127.0.0.1:4444,server'],
  ],
  [
    ['-gdb', 'tcp:[::]:1234'],
    ['-gdb', 'tcp:127.0.0.1:1234'],
  ],
  [
    ['-gdb', 'tcp::1234,to=9'],
    ['-gdb', 'tcp:127.0.0.1:1234,to=9'],
  ],
  [['-s'], ['-gdb', 'tcp:127.0.0.1:1234']],
  [
    ['-serial', 'tcp:*:4001,server,nowait'],
    ['-serial', 'tcp:127.0.0.1:4001,server,nowait'],
  ],
  [
    ['-serial', 'mon:telnet:0.0.0.0:4001,server'],
    ['-serial', 'mon:telnet:127.0.0.1:4001,server'],
  ],
  [
    ['-serial', 'udp::4555@:4556'],
    ['-serial', 'udp::4555@127.0.0.1:4556'],
  ],
  [
    ['-incoming', 'tcp:0:4444'],
    ['-incoming', 'tcp:127.0.0.1:4444'],
  ],
  [
    ['-incoming', '{"addr":{"transport":"socket","type":"inet","host":"0","port":"4444"}}'],
    ['-incoming', '{"addr":{"transport":"socket","type":"inet","host":"127.0.0.1","port":"4444"}}'],
  ],
  [
    ['-netdev', 'user,id=n,hostfwd=tcp::22-:22,hostfwd=udp:10.0.0.7:53-10.0.2.15:53'],
    ['-netdev', 'user,id=n,hostfwd=tcp:127.0.0.1:22-:22,hostfwd=udp:127.0.0.1:53-10.0.2.15:53'],
  ],
  [
    ['-nic', 'user,hostfwd=::22-:22'],
    ['-nic', 'user,hostfwd=:127.0.0.1:22-:22'],
  ],
  [
    ['-netdev', 'socket,id=n,listen=:1235'],
    ['-netdev', 'socket,id=n,listen=127.0.0.1:1235'],
  ],
  [
    ['-netdev', 'socket,id=n,mcast=230.0.0.1:1235'],
    ['-netdev', 'socket,id=n,mcast=230.0.0.1:1235,localaddr=127.0.0.1'],
  ],
  [
    ['-netdev', 'stream,id=n,server=on,addr.type=inet,addr.host=0.0.0.0,addr.port=1'],
    ['-netdev', 'stream,id=n,server=on,addr.type=inet,addr.port=1,addr.host=127.0.0.1'],
  ],
  [
    ['-netdev', '{"type":"user","id":"n","hostfwd":[{"str":"tcp::22-:22"}]}'],
    ['-netdev', '{"type":"user","id":"n","hostfwd":[{"str":"tcp:127.0.0.1:22-:22"}]}'],
  ],
  [
    ['-netdev', 'passt,id=n,tcp-ports=2222:22,udp-ports=10.0.0.7%eth0/53'],
    ['-netdev', 'passt,id=n,tcp-ports=127.0.0.1/2222:22,udp-ports=127.0.0.1/53'],
  ],
  [
    ['-netdev', '{"type":"passt","id":"n","tcp-ports":[{"str":"2222:22"}]}'],
    ['-netdev', '{"type":"passt","id":"n","tcp-ports":[{"str":"127.0.0.1/2222:22"}]}'],
  ],
];

const quiet = [
  ['-vnc', 'none'],
  ['-vnc', 'unix:/tmp/vnc'],
  ['-vnc', 'host:1,reverse=on'],
  ['-spice', 'unix=on,addr=/tmp/spice'],
  ['-monitor', 'tcp:10.0.0.1:1334'],
  ['-monitor', 'unix:/tmp/m,server,nowait'],
  ['-monitor', 'stdio'],
  ['-serial', 'mon:stdio'],
  ['-gdb', 'tcp:127.0.0.1:1234'],
  ['-gdb', 'tcp:[::1]:1234'],
  ['-gdb', 'tcp:localhost:1234'],
  ['-chardev', 'socket,id=c,path=/tmp/c,server=on'],
  ['-chardev', 'socket,id=c,host=10.0.0.1,port=1'],
  ['-incoming', 'defer'],
  ['-netdev', 'user,id=n,hostfwd=tcp:127.0.0.1:22-:22'],
  ['-netdev', 'socket,id=n,connect=10.0.0.1:1'],
  ['-netdev', 'passt,id=n,tcp-ports=none,udp-ports=127.0.0.1/53'],
  ['-append', 'console=ttyS0 -s -vnc :0'],
  ['-drive', 'file=a,,b,format=raw'],
];

test('nothing that listens beyond this host is left, and each is counted', () => {
  for (const [given, bound] of exposed) {
    const options = parseCommandLine(given);
    expect(
      listenersOf(options).some((each) => !isOnLoopback(each)),
      given.join(' '),
    ).toBe(true);
    const changed = options.map(onLoopback);
    expect(wordsOf(changed)).toEqual(bound);
    expect(listenersOf(changed).every(isOnLoopback)).toBe(true);
    expect(listenersOf(changed)).toHaveLength(listenersOf(options).length);
  }
});

test('what listens on this host, connects out, or does neither stays as it was written', () => {
  for (const words of quiet) {
    const options = parseCommandLine(words);
    expect(wordsOf(options.map(onLoopback))).toEqual(words);
    expect(listenersOf(options).every(isOnLoopback), words.join(' ')).toBe(true);
  }
});

test('monitors are found wherever QEMU takes them from, and QMP is told apart', () => {
  const reachable = (words: string[]): unknown => reachableMonitors(parseCommandLine(words));
  const tcp = { kind: 'tcp', host: '127.0.0.1', port: '1334' };
  expect(reachable(['-monitor', 'tcp:127.0.0.1:1334,server=on,wait=off'])).toEqual([tcp]);
  expect(reachable(['-serial', 'mon:tcp:127.0.0.1:1334,server'])).toEqual([]);
  expect(reachable(['-mon', 'c', '-chardev', 'socket,id=c,host=127.0.0.1,port=1334,server'])).toEqual([tcp]);
  expect(reachable(['-monitor', 'chardev:c', '-chardev', 'socket,id=c,path=/a,,b,server=on'])).toEqual([
    { kind: 'unix', path: '/a,b' },
  ]);
  for (const none of ['none', 'stdio', 'pty', 'vc', 'tcp:127.0.0.1:1', 'chardev:gone'])
    expect(reachable(['-monitor', none])).toEqual([]);
  const qmp = [
    '-chardev',
    'socket,id=q,port=1,server',
    '-mon',
    'chardev=q,mode=control',
    '-qmp',
    'unix:/q,server',
  ];
  expect(reachable(qmp)).toEqual([]);
  expect(monitorsOf(parseCommandLine(qmp)).map(({ control }) => control)).toEqual([true, true]);
});

test('a file of -readconfig counts as what it stands for', () => {
  const config =
    '# a comment\n[chardev "c"]\n  backend = "socket"\n  host = "0"\n  port = "1334"\n  server = "on"\n\n[mon "m"]\n  chardev = "c"\n  mode = "readline"\n';
  const options = withConfigs(parseCommandLine(['-m', '1G', '-readconfig', 'vm.cfg']), (file) =>
    file === 'vm.cfg' ? config : undefined,
  );
  expect(reachableMonitors(options)).toEqual([{ kind: 'tcp', host: '0', port: '1334' }]);
  expect(wordsOf(options.map(onLoopback)).join(' ')).toContain('host=127.0.0.1');
  expect(withConfigs(parseCommandLine(['-readconfig', 'gone']), () => undefined)).toHaveLength(1);
});

test('-set counts as a part of the option that it is about', () => {
  const words = [
    '-chardev',
    'socket,id=c,port=1',
    '-mon',
    'c',
    '-set',
    'chardev.c.server=on',
    '-set',
    'chardev.c.host=a,b',
  ];
  expect(reachableMonitors(withConfigs(parseCommandLine(words), () => undefined))).toEqual([
    { kind: 'tcp', host: 'a,b', port: '1' },
  ]);
});

test('every word of a command line comes back, in its place', () => {
  const words = ['disk.img', '-append', '-x', '--s', '-m', '-S', '-usb', '-unknown', 'value', '-last'];
  expect(wordsOf(parseCommandLine(words))).toEqual(words);
});
