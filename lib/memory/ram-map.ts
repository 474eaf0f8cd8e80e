import type { FlatView, MemoryTreeRange } from '../monitor/index.js';
import { NotRamError } from '../paging/index.js';
import { MemoryAccessError } from './errors.js';

/** A part of a read that lies in one range. */
export interface Piece {
  readonly range: MemoryTreeRange;
  readonly address: bigint;
  /** Bytes. */
  readonly length: number;
  /** Where the part lies in the whole read. */
  readonly at: number;
}

const MAX_READ_BYTES = 1024 * 1024 * 1024;
/** What is memory, with the same bytes for whoever looks: RAM, and ROM (which is RAM that the guest cannot write). */
const MEMORY = /^(nv-)?(ram|rom)$/;

/**
 * Where memory is in the machine's physical address space, and what else is there. As it was when the monitor was asked: the
 * guest's firmware moves things below 1 MiB (PAM, SMRAM), its drivers place device memory, hotplug adds RAM.
 */
export class RamMap {
  /** All ranges of the address space, ascending, without overlap. */
  readonly #all: readonly MemoryTreeRange[];
  /** Those that are memory. */
  readonly ranges: readonly MemoryTreeRange[];

  constructor(ranges: readonly MemoryTreeRange[]) {
    this.#all = ranges;
    this.ranges = ranges.filter(({ type }) => MEMORY.test(type));
  }

  /** Of `info mtree -f`: the flat view of the address space "memory". @throws MemoryAccessError there is none */
  static of(views: readonly FlatView[]): RamMap {
    const view = views.find(({ addressSpaces }) => addressSpaces.includes('memory'));
    if (view === undefined) {
      throw new MemoryAccessError('The monitor\'s "info mtree -f" shows no address space called "memory".');
    }
    return new RamMap(view.ranges);
  }

  /**
   * Cuts a read at the borders of ranges.
   * @throws NotRamError with the first address that is not memory, and what is there instead
   * @throws RangeError for what is no address or no length
   */
  pieces(address: bigint, length: number): Piece[] {
    if (address < 0n || address >= 1n << 64n)
      throw new RangeError(`Not a physical address: ${String(address)}`);
    if (!Number.isSafeInteger(length) || length < 0 || length > MAX_READ_BYTES) {
      throw new RangeError(
        `Not a length for a read (0 to ${String(MAX_READ_BYTES)} bytes): ${String(length)}`,
      );
    }
    const pieces: Piece[] = [];
    for (let at = 0; at < length;) {
      const start = address + BigInt(at);
      const range = this.ranges.find(({ start: first, last }) => start >= first && start <= last);
      if (range === undefined) throw new NotRamError(start, this.#whatIsAt(start));
      const size = Math.min(length - at, Number(range.last - start) + 1);
      pieces.push({ range, address: start, length: size, at });
      at += size;
    }
    return pieces;
  }

  #whatIsAt(address: bigint): string {
    const range = this.#all.find(({ start, last }) => address >= start && address <= last);
    return range === undefined
      ? 'nothing is there'
      : `${range.type} of "${range.region}" is there (MMIO has its own call: readMmio)`;
  }
}
