import { readFileSync } from 'node:fs';
import type { MemoryTreeRange, Monitor } from '../monitor/index.js';
import { MemoryAccessError } from './errors.js';
import { mappingsOf, parseProcessMaps, type ProcessMapping } from './process-maps.js';
import type { RamMap } from './ram-map.js';

/** Where a range of guest memory lies in the QEMU process. */
export interface HostRange {
  readonly range: MemoryTreeRange;
  readonly hostAddress: bigint;
  /** The process's mappings that hold it, ascending. */
  readonly mappings: readonly ProcessMapping[];
}

/** Asks QEMU where each range of guest memory starts and ends in its own address space (`gpa2hva`). */
export async function hostAddresses(monitor: Monitor, ram: RamMap): Promise<Map<MemoryTreeRange, bigint>> {
  const addresses = new Map<MemoryTreeRange, bigint>();
  for (const range of ram.ranges) {
    const [first, last] = await Promise.all([monitor.gpa2hva(range.start), monitor.gpa2hva(range.last)]);
    // One byte is all that gpa2hva speaks of: that the range lies in one piece, both its ends must say.
    const inOnePiece =
      first.kind === 'ram' &&
      last.kind === 'ram' &&
      last.hostAddress - first.hostAddress === range.last - range.start;
    if (!inOnePiece) {
      throw new MemoryAccessError(
        `QEMU does not hold the range at 0x${range.start.toString(16)} ("${range.region}") in one piece of its memory.`,
      );
    }
    addresses.set(range, first.hostAddress);
  }
  return addresses;
}

/**
 * Finds those places in a process's memory map.
 * @throws MemoryAccessError the process does not have them (it is not the QEMU that was asked), or its map may not be read
 */
export function hostRanges(pid: number, addresses: ReadonlyMap<MemoryTreeRange, bigint>): HostRange[] {
  const maps = parseProcessMaps(readProc(pid, 'maps'));
  return Array.from(addresses, ([range, hostAddress]) => {
    const mappings = mappingsOf(maps, hostAddress, range.last - range.start + 1n);
    if (mappings === undefined) {
      throw new MemoryAccessError(
        `Process ${String(pid)} (${readProc(pid, 'comm').trim()}) does not map 0x${hostAddress.toString(16)}, where QEMU says that guest memory is: it is another process.`,
      );
    }
    return { range, hostAddress, mappings };
  });
}

function readProc(pid: number, file: string): string {
  const path = `/proc/${String(pid)}/${file}`;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new MemoryAccessError(
      `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
}
