import { hex } from '../bits.js';
import { PagingError, isNotRam } from '../paging-errors.js';
import { isSync, type PhysicalMemory, type SyncPhysicalMemory } from '../physical-memory.js';

/** One read of physical memory that a task needs. */
export interface ReadRequest {
  readonly address: bigint;
  /** Bytes. */
  readonly length: number;
}

/** What came of a request: its bytes, or the error that says which address is not RAM. */
export type ReadReply = Uint8Array | (Error & { readonly notRamAt: bigint });

/**
 * A computation over physical memory that does no I/O itself: it yields batches of reads and is resumed with one reply
 * for each, in order. The reads of one batch do not depend on each other, so a reader may pipeline them. Written once,
 * run by `runSync` or `runAsync`.
 */
export type MemoryTask<T> = Generator<readonly ReadRequest[], T, readonly ReadReply[]>;

/** Runs a task against a reader that needs no waiting. Errors of the reader other than "not RAM" pass through. */
export function runSync<T>(task: MemoryTask<T>, memory: Pick<SyncPhysicalMemory, 'readSync'>): T {
  let step = task.next([]);
  while (step.done !== true) {
    step = task.next(step.value.map((request) => readSync(memory, request)));
  }
  return step.value;
}

/** Runs a task against any reader; the reads of a batch are issued together, where they need waiting. Errors as for `runSync`. */
export async function runAsync<T>(task: MemoryTask<T>, memory: PhysicalMemory): Promise<T> {
  if (isSync(memory)) return runSync(task, memory);
  let step = task.next([]);
  while (step.done !== true) {
    step = task.next(await Promise.all(step.value.map((request) => readAsync(memory, request))));
  }
  return step.value;
}

function readSync(memory: Pick<SyncPhysicalMemory, 'readSync'>, request: ReadRequest): ReadReply {
  try {
    return exactly(memory.readSync(request.address, request.length), request);
  } catch (error) {
    return asReply(error, request);
  }
}

async function readAsync(memory: PhysicalMemory, request: ReadRequest): Promise<ReadReply> {
  try {
    return exactly(await memory.read(request.address, request.length), request);
  } catch (error) {
    return asReply(error, request);
  }
}

/**
 * "Not RAM" is an answer, if it is about this request: a reader that batches requests may fail them all for one, and an
 * error about another address must not become a statement about this one. Everything else is passed on.
 */
function asReply(error: unknown, { address, length }: ReadRequest): ReadReply {
  if (isNotRam(error) && error.notRamAt >= address && error.notRamAt < address + BigInt(length)) return error;
  throw error;
}

/** A reader that returns short has a bug, which must not become a verdict about a page. */
function exactly(data: Uint8Array, { address, length }: ReadRequest): Uint8Array {
  if (data.length === length) return data;
  throw new PagingError(
    `The memory reader returned ${data.length} bytes for a read of ${length} at ${hex(address)}.`,
  );
}

/** The single reply to a batch of one. */
export function onlyReply(replies: readonly ReadReply[]): ReadReply {
  const [reply] = replies;
  if (reply === undefined) throw new PagingError('A memory task was resumed without a reply to its read.');
  return reply;
}

/** The little-endian 64-bit value of an 8-byte reply. */
export function uint64(data: Uint8Array, offset = 0): bigint {
  return new DataView(data.buffer, data.byteOffset, data.byteLength).getBigUint64(offset, true);
}
