import { expect, test } from '@playwright/test';
import { mappingsOf, parseProcessMaps } from '../../../lib/memory/process-maps.js';

const maps = parseProcessMaps(
  [
    '55d0a0000000-55d0a0001000 r--p 00000000 fe:01 1234                       /usr/bin/qemu-system-x86_64',
    '7f0000000000-7f0000200000 rw-s 00100000 00:1d 77                         /dev/shm/a b/ram\\012x (deleted)',
    '7f0000200000-7f0000400000 rw-p 00000000 00:00 0 ',
    '7f0000400000-7f0000500000 ---p 00000000 00:00 0 ',
    '7f0000600000-7f0000700000 rw-p 00000000 00:00 0                          [heap]',
    'nonsense',
  ].join('\n'),
);

test('the kernel table of mappings, with spaces and line feeds in names', () => {
  expect(maps).toHaveLength(5);
  expect(maps[1]).toEqual({
    start: 0x7f0000000000n,
    end: 0x7f0000200000n,
    readable: true,
    shared: true,
    offset: 0x100000n,
    inode: 77n,
    path: '/dev/shm/a b/ram\nx (deleted)',
  });
  expect(maps[2]).toMatchObject({ shared: false, inode: 0n, path: '' });
});

test('a range is found where it is mapped whole and readable', () => {
  expect(mappingsOf(maps, 0x7f0000001000n, 0x1000n)).toEqual([maps[1]]);
  expect(mappingsOf(maps, 0x7f00001ff000n, 0x2000n)).toEqual([maps[1], maps[2]]);
  expect(mappingsOf(maps, 0x7f0000000000n, 0x400000n)).toEqual([maps[1], maps[2]]);
  expect(mappingsOf(maps, 0x7f0000000000n, 0x400001n)).toBeUndefined(); // into what cannot be read
  expect(mappingsOf(maps, 0x7f00005ff000n, 0x2000n)).toBeUndefined(); // from a gap
  expect(mappingsOf(maps, 0x7f0000600000n, 0x100001n)).toBeUndefined(); // over the end
});
