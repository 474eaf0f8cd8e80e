import { closeSync, fstatSync, openSync } from 'node:fs';
import type { MemoryTreeRange } from '../monitor/index.js';
import { MemoryAccessError } from './errors.js';
import type { HostRange } from './host-layout.js';
import { LocalMemory, type LocalSegment } from './local-memory.js';
import type { RamMap } from './ram-map.js';

/** All guest memory through /proc/PID/mem. @throws MemoryAccessError this user may not read it */
export function openProcessMemory(ram: RamMap, pid: number, ranges: readonly HostRange[]): LocalMemory {
  const path = `/proc/${String(pid)}/mem`;
  const fd = open(path);
  const segments = new Map<MemoryTreeRange, LocalSegment>(
    ranges.map(({ range, hostAddress }) => [range, { fd, position: Number(hostAddress), path }]),
  );
  const memory = new LocalMemory(ram, segments);
  try {
    // That the file opens says little: a security module may refuse the read itself.
    const [first] = ranges;
    if (first !== undefined) memory.readSync(first.range.start, 1);
    return memory;
  } catch (error) {
    memory.close();
    throw error;
  }
}

/**
 * The machine's RAM through its file, and what else is memory (firmware ROM, video RAM) through the process.
 *
 * Only a file that QEMU maps **shared** has what the guest sees: a restored machine maps its file privately, and the file
 * keeps the bytes of the snapshot. The kernel's table says which it is, so nobody has to be believed.
 *
 * @throws MemoryAccessError no range is mapped shared from a file that can be opened here
 */
export function openRamFile(ram: RamMap, pid: number, ranges: readonly HostRange[]): LocalMemory {
  const backed = new Map<MemoryTreeRange, LocalSegment>();
  const descriptors = new Map<string, number>();
  try {
    for (const { range, hostAddress, mappings } of ranges) {
      const [mapping, ...more] = mappings;
      if (mapping === undefined || more.length > 0 || !mapping.shared || !mapping.path.startsWith('/'))
        continue;
      const { path } = mapping;
      const fd = descriptors.get(path) ?? openSame(path, mapping.inode);
      if (fd === undefined) continue;
      descriptors.set(path, fd);
      backed.set(range, { fd, position: Number(hostAddress - mapping.start + mapping.offset), path });
    }
    if (backed.size === 0) throw new MemoryAccessError(whyNoFile(ranges));
    const rest = ranges.filter(({ range }) => !backed.has(range));
    if (rest.length > 0) {
      const path = `/proc/${String(pid)}/mem`;
      const fd = open(path);
      descriptors.set(path, fd);
      for (const { range, hostAddress } of rest)
        backed.set(range, { fd, position: Number(hostAddress), path });
    }
    return new LocalMemory(ram, backed);
  } catch (error) {
    for (const fd of descriptors.values()) closeSync(fd);
    throw error;
  }
}

function whyNoFile(ranges: readonly HostRange[]): string {
  const files = ranges.flatMap(({ mappings }) => mappings).filter(({ inode }) => inode !== 0n);
  const copied = files.find(({ shared }) => !shared);
  const [first] = files;
  if (copied !== undefined)
    return `${copied.path} is mapped privately (copy on write): the file does not have what the guest sees.`;
  if (first !== undefined) return `${first.path}, which QEMU maps, is not the file of that name here.`;
  return "The machine's RAM has no file.";
}

/** Opens a file if it is the one that is mapped, by its inode. */
function openSame(path: string, inode: bigint): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined; // removed, or in another mount namespace: whyNoFile() says so
  }
  if (fstatSync(fd, { bigint: true }).ino === inode) return fd;
  closeSync(fd);
  return undefined;
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new MemoryAccessError(
      `${path} cannot be opened: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
}
