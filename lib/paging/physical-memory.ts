import type { NestedWalk } from './walk/nested.js';
import type { Walk } from './walk/result.js';

/**
 * A machine's physical address space, as a walk needs it. Implementations live in `lib/memory/`; a test makes one of a Buffer.
 *
 * `read` returns exactly `length` bytes from physical address `address` (bytes, not pages; any alignment; may cross pages and
 * RAM ranges) or throws a typed error that names the first address that is not RAM: `NotRamError`, or any Error with
 * `notRamAt` (paging-errors.ts). It never returns short or made-up bytes. The bytes belong to the caller: no later read
 * changes them.
 */
export interface PhysicalMemory {
  read(address: bigint, length: number): Promise<Uint8Array>;
  /** The same, of a reader that needs no waiting: walks and scans through it run without a single `await`. */
  readSync?(address: bigint, length: number): Uint8Array;
  /** Set by who wants to be told of what `walk` and `walkNested` saw through it. */
  onWalk?: (seen: Walk | NestedWalk) => void;
}

/** A reader that needs no waiting (process memory, a RAM file). */
export type SyncPhysicalMemory = PhysicalMemory & Required<Pick<PhysicalMemory, 'readSync'>>;

export function isSync(memory: PhysicalMemory): memory is SyncPhysicalMemory {
  return memory.readSync !== undefined;
}
