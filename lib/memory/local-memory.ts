import { closeSync, readSync } from 'node:fs';
import type { MemoryTreeRange } from '../monitor/index.js';
import { NotRamError, type SyncPhysicalMemory } from '../paging/index.js';
import { testEndedHint } from '../errors.js';
import { MemoryAccessError } from './errors.js';
import type { RamMap } from './ram-map.js';

/** Where the bytes of a range are: in a file (a RAM file, or a process's memory), from `position` on. */
export interface LocalSegment {
  readonly fd: number;
  readonly position: number;
  /** For messages: the file's path. */
  readonly path: string;
}

/** Physical memory through files of this host: synchronous, microseconds per read. Owns the file descriptors. */
export class LocalMemory implements SyncPhysicalMemory {
  readonly #ram: RamMap;
  readonly #segments: ReadonlyMap<MemoryTreeRange, LocalSegment>;
  #closed = false;

  /** @param segments by the ranges of `ram`; a range without one cannot be read */
  constructor(ram: RamMap, segments: ReadonlyMap<MemoryTreeRange, LocalSegment>) {
    this.#ram = ram;
    this.#segments = segments;
  }

  /** @throws NotRamError, MemoryAccessError (QEMU has ended, or the file was cut) */
  readSync(address: bigint, length: number): Uint8Array {
    if (this.#closed) throw new MemoryAccessError(`This reader of guest memory was closed. ${testEndedHint}`);
    const bytes = new Uint8Array(length);
    for (const piece of this.#ram.pieces(address, length)) {
      const segment = this.#segments.get(piece.range);
      if (segment === undefined) {
        throw new NotRamError(
          piece.address,
          `memory of "${piece.range.region}" is there, which this reader cannot reach`,
        );
      }
      const position = segment.position + Number(piece.address - piece.range.start);
      readExactly(segment, bytes.subarray(piece.at, piece.at + piece.length), position, piece.address);
    }
    return bytes;
  }

  /** As readSync; the promise is there for the interface's sake. */
  read(address: bigint, length: number): Promise<Uint8Array> {
    return new Promise((resolve) => {
      resolve(this.readSync(address, length));
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const fd of new Set(Array.from(this.#segments.values(), (segment) => segment.fd))) closeSync(fd);
  }
}

function readExactly(
  { fd, path }: LocalSegment,
  target: Uint8Array,
  position: number,
  address: bigint,
): void {
  let done = 0;
  while (done < target.length) {
    let count: number;
    try {
      count = readSync(fd, target, done, target.length - done, position + done);
    } catch (error) {
      throw new MemoryAccessError(
        `${path} cannot be read for physical address 0x${address.toString(16)}: ${String(error)}`,
        {
          cause: error,
        },
      );
    }
    // The memory of a process that has ended reads as an empty file.
    if (count === 0) {
      throw new MemoryAccessError(
        `${path} ends before physical address 0x${address.toString(16)}: has QEMU ended?`,
      );
    }
    done += count;
  }
}
