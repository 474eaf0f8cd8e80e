import { expect, test } from '@playwright/test';

import { DebuggerError } from '../../../lib/bochs/index.js';
import { dumpCommand, parseDump } from '../../../lib/bochs/memory-dump.js';

/** What Bochs 2.7 prints for `xp /6wx 0x1000`. */
const reply = [
  '[bochs]:',
  '0x0000000000001000 <bogus+       0>:\t0x03020100\t0x07060504\t0x0b0a0908\t0x0f0e0d0c',
  '0x0000000000001010 <bogus+      16>:\t0xfffefdfc\t0x00000080',
  '',
].join('\n');

test('a dump is asked for in units of four bytes', () => {
  expect(dumpCommand(0x1000n, 6)).toBe('xp /6wx 0x1000');
});

test("a dump's values are little-endian units in order", () => {
  const bytes = parseDump(reply, 0x1000n, 6);
  expect(Buffer.from(bytes).toString('hex')).toBe('000102030405060708090a0b0c0d0e0f' + 'fcfdfeff80000000');
});

test('what is no whole dump of the asked range is an error', () => {
  expect(() => parseDump(reply, 0x1000n, 7)).toThrow(DebuggerError);
  expect(() => parseDump(reply, 0x2000n, 6)).toThrow('0 of 24 bytes');
  // A line that is not there.
  expect(() => parseDump(reply.replace(/^0x0000000000001000.*\n/m, ''), 0x1000n, 6)).toThrow(DebuggerError);
  expect(() => parseDump('bx_dbg_read_linear: physical memory read error\n', 0x1000n, 1)).toThrow(
    'physical memory read error',
  );
});
