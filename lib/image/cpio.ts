/** A file or folder of an archive. */
export interface ArchiveEntry {
  /** Without a leading slash. A file's folders must come before it. */
  readonly path: string;
  /** Undefined for a folder. */
  readonly data?: Uint8Array;
  /** Permissions; 0755 for a folder and 0644 for a file if left out. */
  readonly mode?: number;
}

const folderType = 0o040000;
const fileType = 0o100000;

/**
 * A cpio archive as the kernel unpacks it for an initramfs (Documentation/driver-api/early-userspace/buffer-format.rst, "newc"). The
 * same entries make the same bytes. Archives may be appended to each other: what a later one has replaces what an earlier one had.
 */
export function cpioArchive(entries: readonly ArchiveEntry[]): Buffer {
  const parts = entries.flatMap(({ path, data, mode = data ? 0o644 : 0o755 }, index) => [
    header(index + 1, (data ? fileType : folderType) | mode, data?.length ?? 0, path),
    ...(data ? [padded(data)] : []),
  ]);
  return Buffer.concat([...parts, header(0, 0, 0, 'TRAILER!!!')]);
}

/** An initramfs with a further archive: each begins at a multiple of 4 (init/initramfs.c). */
export function appendArchive(initramfs: Buffer, archive: Buffer): Buffer {
  return Buffer.concat([padded(initramfs), archive]);
}

/** The 13 numbers of a header are those of stat(2): all but these are 0, so that files are root's and of 1970. */
function header(inode: number, mode: number, size: number, name: string): Buffer {
  const nameSize = Buffer.byteLength(name) + 1;
  const links = 1;
  const numbers = [inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, nameSize, 0];
  const text = `070701${numbers.map((value) => value.toString(16).padStart(8, '0')).join('')}${name}\0`;
  return padded(Buffer.from(text));
}

/** Headers, with the name, and data end on multiples of 4. */
function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
