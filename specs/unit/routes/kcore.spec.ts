import { expect, test } from '@playwright/test';
import { kcoreOffset } from '../../support/routes/route.js';

const none = 0xffff_ffff_ffff_ffffn;

/** A header as fs/proc/kcore.c writes it: each segment's offset, physical address and size. */
function header(segments: readonly (readonly [bigint, bigint, bigint])[], type = 1): Buffer {
  const bytes = Buffer.alloc(64 + 56 * segments.length);
  bytes.writeUInt32BE(0x7f454c46, 0);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(segments.length, 56);
  for (const [index, [offset, physical, size]] of segments.entries()) {
    const at = 64 + 56 * index;
    bytes.writeUInt32LE(type, at);
    bytes.writeBigUInt64LE(offset, at + 8);
    bytes.writeBigUInt64LE(physical, at + 24);
    bytes.writeBigUInt64LE(size, at + 40);
  }
  return bytes;
}

const direct = header([
  [0x1000n, none, 0x1000_0000n],
  [0x7fff_8000_0000_3000n, 0x1000n, 0x9e000n],
  [0x7fff_8000_0010_2000n, 0x10_0000n, 0x3fe0_0000n],
]);

test('an address is found in the segment that covers it', () => {
  expect(kcoreOffset(direct, 0x1000n)).toBe(0x7fff_8000_0000_3000n);
  expect(kcoreOffset(direct, 0x20_0000n)).toBe(0x7fff_8000_0010_2000n + 0x10_0000n);
  expect(kcoreOffset(direct, 0x10_0000n + 0x3fe0_0000n - 8n)).toBeDefined();
});

test('an address outside of all segments, or not whole within one, is not found', () => {
  for (const address of [0n, 0xa0000n, 0x10_0000n + 0x3fe0_0000n - 4n, 0x8000_0000n]) {
    expect(kcoreOffset(direct, address)).toBeUndefined();
  }
});

test('what is no such file, is cut off, or has segments of another type holds nothing', () => {
  expect(kcoreOffset(Buffer.alloc(0), 0x1000n)).toBeUndefined();
  expect(kcoreOffset(Buffer.alloc(4096), 0x1000n)).toBeUndefined();
  expect(kcoreOffset(direct.subarray(0, 64 + 56), 0x20_0000n)).toBeUndefined();
  expect(kcoreOffset(header([[0n, 0x1000n, 0x1000n]], 4), 0x1000n)).toBeUndefined();
});
