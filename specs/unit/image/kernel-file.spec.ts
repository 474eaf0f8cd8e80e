import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import { expect, test } from '@playwright/test';

import { findConfig } from '../../../lib/image/kernel/find-config.js';
import { readKernelFile } from '../../../lib/image/kernel/kernel-file.js';

const vmlinux = Buffer.concat([
  Buffer.from('\x7fELF', 'latin1'),
  Buffer.from('… Linux version %s (%s) … Linux version 6.13.0-rc7+ (me@here) (gcc) #1 SMP\n'),
  Buffer.from('IKCFG_ST'),
  gzipSync('CONFIG_VFIO=y\n'),
  Buffer.from('IKCFG_ED'),
]);
const withoutConfig = vmlinux.subarray(0, vmlinux.indexOf('IKCFG_ST'));

/** A bzImage: one setup sector beside the boot sector, the payload at the end (Documentation/x86/boot.rst). */
function bzImage(payload: Buffer): Buffer {
  const setup = Buffer.alloc(1024);
  setup.writeUInt8(1, 0x1f1);
  setup.write('HdrS', 0x202, 'latin1');
  const stub = Buffer.alloc(64);
  setup.writeUInt32LE(stub.length, 0x248);
  setup.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([setup, stub, payload, Buffer.alloc(16)]);
}

async function kernelAt(name: string, bytes: Buffer): Promise<string> {
  const file = test.info().outputPath(name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, bytes);
  return file;
}

/** The size that the kernel's build appends to all but gzip's output. */
const size = Buffer.from([1, 2, 3, 4]);
const lz4 = (input: Buffer): Buffer => execFileSync('lz4', ['-l', '-c'], { input });
const xz = (input: Buffer): Buffer => execFileSync('xz', ['-c', '--check=crc32'], { input });
const lzma = (input: Buffer): Buffer => execFileSync('xz', ['-c', '--format=lzma'], { input });

for (const [how, payload] of [
  ['gzip', () => gzipSync(vmlinux)],
  ['lz4', () => Buffer.concat([lz4(vmlinux), size])],
  ['xz', () => Buffer.concat([xz(vmlinux), size])],
  ['lzma', () => Buffer.concat([lzma(vmlinux), size])],
] as const) {
  test(`a bzImage packed with ${how} is unpacked`, async () => {
    const seen = await readKernelFile(await kernelAt('bzImage', bzImage(payload())));
    expect(seen).toMatchObject({ format: 'bzImage', release: '6.13.0-rc7+' });
    expect(seen.image.equals(vmlinux)).toBe(true);
  });
}

test('a vmlinux is taken as it is', async () => {
  const seen = await readKernelFile(await kernelAt('vmlinux', vmlinux));
  expect(seen).toMatchObject({ format: 'vmlinux', release: '6.13.0-rc7+' });
});

for (const [what, bytes, message] of [
  ['is no kernel at all', Buffer.alloc(4096), /neither a bzImage nor an ELF vmlinux/],
  ['is an ELF file of another kind', Buffer.from('\x7fELF …', 'latin1'), /no Linux kernel/],
  ['is cut short', bzImage(gzipSync(vmlinux)).subarray(0, 1100), /is cut short/],
  ['is packed in an unknown way', bzImage(Buffer.from('unheard of')), /packed in an unknown way.*756e6865/],
  [
    'has a damaged payload',
    bzImage(Buffer.concat([xz(vmlinux).fill(0, 20), size])),
    /cannot be unpacked: xz/,
  ],
] as const) {
  test(`a file that ${what} is refused`, async () => {
    const file = await kernelAt('bzImage', bytes);
    await expect(readKernelFile(file)).rejects.toThrow(message);
    await expect(readKernelFile(file)).rejects.toThrow(file);
  });
}

test('a kernel that is not there is named', async () => {
  await expect(readKernelFile('/nowhere/bzImage')).rejects.toThrow(/\/nowhere\/bzImage.*ENOENT/);
});

test("the kernel's own configuration counts before one that lies beside it", async () => {
  const file = await kernelAt('vmlinux', vmlinux);
  await kernelAt('.config', Buffer.from('CONFIG_PCI=y\n'));
  const found = await findConfig(file, await readKernelFile(file));
  expect(found?.source).toContain('IKCONFIG');
  expect([...(found?.config.keys() ?? [])]).toEqual(['VFIO']);
});

for (const [where, kernel, config] of [
  ["at the root of a bzImage's tree", 'linux/arch/x86/boot/bzImage', 'linux/.config'],
  ['beside a vmlinux', 'linux/vmlinux', 'linux/.config'],
  ["beside a distribution's kernel", 'boot/vmlinuz-6.13.0-rc7+', 'boot/config-6.13.0-rc7+'],
] as const) {
  test(`a configuration is found ${where}`, async () => {
    const image = kernel.endsWith('vmlinux') ? withoutConfig : bzImage(gzipSync(withoutConfig));
    const file = await kernelAt(kernel, image);
    const expected = await kernelAt(config, Buffer.from('CONFIG_PCI=y\n'));
    const found = await findConfig(file, await readKernelFile(file));
    expect(found?.source).toBe(expected);
    expect([...(found?.config.keys() ?? [])]).toEqual(['PCI']);
  });
}

test('where there is no configuration, nothing is claimed', async () => {
  const file = await kernelAt('boot/vmlinuz', bzImage(gzipSync(withoutConfig)));
  expect(await findConfig(file, await readKernelFile(file))).toBeUndefined();
});
