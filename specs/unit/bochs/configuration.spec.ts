import { expect, test } from '@playwright/test';

import { bochsrc } from '../../../lib/bochs/configuration.js';

const good = {
  memoryMib: 256,
  cpuModel: 'corei7_skylake_x',
  cd: '/cache/a folder/boot.iso',
  serialPorts: [4001, 4002],
  log: '/run/bochs.log',
} as const;

test('a machine whose serial lines connect to the harness on the loopback, and which listens nowhere', () => {
  const lines = bochsrc(good).trimEnd().split('\n');
  expect(lines).toContain('memory: guest=256, host=256');
  expect(lines).toContain('ata0-master: type=cdrom, path="/cache/a folder/boot.iso", status=inserted');
  expect(lines.filter((line) => line.startsWith('com'))).toEqual([
    'com1: enabled=1, mode=socket-client, dev=127.0.0.1:4001',
    'com2: enabled=1, mode=socket-client, dev=127.0.0.1:4002',
  ]);
  expect(lines.filter((line) => /socket-server|gdbstub|vnc/.test(line))).toEqual([]);
});

test('a path that would end its own line or word is refused', () => {
  for (const cd of ['/a"b', '/a,b', '/a\nb']) {
    expect(() => bochsrc({ ...good, cd })).toThrow(RangeError);
  }
  expect(() => bochsrc({ ...good, log: '/a"b' })).toThrow('a quote, a comma or a newline');
});
