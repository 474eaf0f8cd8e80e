import { readFile } from 'node:fs/promises';

import { KernelError } from './errors.js';
import { unpack } from './unpack.js';

/** A kernel as QEMU's -kernel takes it. */
export interface KernelFile {
  readonly format: 'bzImage' | 'vmlinux';
  /** As `uname -r` says it. */
  readonly release: string;
  /** The uncompressed kernel: the ELF file itself, or what a bzImage unpacks. */
  readonly image: Buffer;
}

/**
 * Reads a kernel: a bzImage, in any of the compressions that kernels have, or an ELF `vmlinux`.
 *
 * @throws KernelError when it is neither, or cannot be unpacked
 */
export async function readKernelFile(file: string): Promise<KernelFile> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new KernelError(`The kernel ${file} cannot be read: ${messageOf(error)}`, { cause: error });
  });
  const format = formatOf(bytes);
  if (format === undefined) {
    throw new KernelError(
      `${file} is neither a bzImage nor an ELF vmlinux of x86: name arch/x86/boot/bzImage or vmlinux of a kernel's build.`,
    );
  }
  const image = format === 'vmlinux' ? bytes : await unpack(payloadOf(bytes, file), file, sizeBytes);
  const release = releaseOf(image);
  if (release === undefined) {
    throw new KernelError(
      `${file} holds no banner 'Linux version …': it is no Linux kernel. Name arch/x86/boot/bzImage or vmlinux of its build.`,
    );
  }
  return { format, release, image };
}

function formatOf(bytes: Buffer): KernelFile['format'] | undefined {
  if (bytes.toString('latin1', 0, 4) === '\x7fELF') return 'vmlinux';
  if (bytes.toString('latin1', 0x202, 0x206) === 'HdrS') return 'bzImage';
  return undefined;
}

/** Documentation/x86/boot.rst, "The real-mode kernel header": the payload is counted from the end of the setup sectors. */
function payloadOf(bytes: Buffer, file: string): Buffer {
  const setupSectors = bytes.readUInt8(0x1f1) || 4;
  const start = (setupSectors + 1) * 512 + bytes.readUInt32LE(0x248);
  const end = start + bytes.readUInt32LE(0x24c);
  if (end > bytes.length)
    throw new KernelError(
      `${file} is cut short: its payload ends at ${end}, the file at ${bytes.length}. Copy it anew.`,
    );
  return bytes.subarray(start, end);
}

/** The build appends the unpacked size to all but gzip's output (scripts/Makefile.lib, size_append). */
const sizeBytes = 4;

/** From linux_banner (init/version.c). */
function releaseOf(image: Buffer): string | undefined {
  const banner = 'Linux version ';
  for (let at = image.indexOf(banner); at >= 0; at = image.indexOf(banner, at + 1)) {
    const found = /^Linux version (\d\S*) \(/.exec(image.toString('latin1', at, at + 200));
    if (found) return found[1];
  }
  return undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
