import { bits, joinHalves } from '../bits.js';
import type { TableEntry } from '../entry.js';
import type { AddressSpace } from '../format.js';
import { addressBits, levelSize, type Level } from '../level.js';
import type { PhysicalMemory, SyncPhysicalMemory } from '../physical-memory.js';
import { rightsFromBits, type Rights } from '../rights.js';
import { runAsync, runSync, type MemoryTask } from '../walk/task.js';
import { pagesAt, type MappingColumns } from './columns.js';
import { Lister, type Listing } from './list.js';
import type { Mapping } from './mapping.js';
import { scanBounds, type ScanOptions } from './options.js';
import type { ScanProblem } from './problem.js';
import { readTables } from './tables.js';

/**
 * Lists every mapping of an address space (or of a range of it), in address order, each table read once.
 * Broken entries, cycles and tables outside RAM are problems in the result, not errors.
 *
 * @throws InvalidArgumentError, NonCanonicalAddressError or AddressTooWideError for a bad range; what the reader throws
 *   that is not "not RAM".
 */
export function scan<E extends TableEntry>(
  memory: PhysicalMemory,
  space: AddressSpace<E>,
  options: ScanOptions = {},
): Promise<Scan<E>> {
  return runAsync(scanTask(space, options), memory);
}

/** `scan` for a reader that needs no waiting. */
export function scanSync<E extends TableEntry>(
  memory: SyncPhysicalMemory,
  space: AddressSpace<E>,
  options: ScanOptions = {},
): Scan<E> {
  return runSync(scanTask(space, options), memory);
}

/** The scan itself, which both of the above run. */
function* scanTask<E extends TableEntry>(space: AddressSpace<E>, options: ScanOptions): MemoryTask<Scan<E>> {
  const bounds = scanBounds(space, options);
  const tables = yield* readTables(space, bounds);
  return new Scan(space, new Lister(space, tables, bounds, false).list(), tables.size);
}

/** All mappings of an address space at one moment. Rows are decoded when they are looked at. */
export class Scan<E extends TableEntry = TableEntry> implements Iterable<Mapping<E>> {
  readonly space: AddressSpace<E>;
  readonly columns: MappingColumns;
  readonly #holes: MappingColumns;
  readonly problems: readonly ScanProblem[];
  /** How many problems there were; more than `problems` holds if the bound was reached. */
  readonly problemCount: number;
  /** False if a bound ended the scan: mappings behind the `limit` problem's address are missing. */
  readonly complete: boolean;
  /** Tables read, or tried to. */
  readonly tablesRead: number;

  constructor(space: AddressSpace<E>, listing: Listing, tablesRead: number) {
    this.space = space;
    this.columns = listing.mappings;
    this.#holes = listing.holes;
    this.problems = listing.problems;
    this.problemCount = listing.problemCount;
    this.complete = listing.complete;
    this.tablesRead = tablesRead;
  }

  /** Number of mappings. */
  get length(): number {
    return this.columns.length;
  }

  /** The mapping in row `row`, 0 to length − 1, or undefined outside that range. */
  at(row: number): Mapping<E> | undefined {
    return row >= 0 && row < this.length ? new MappingView(this.space, this.columns, row) : undefined;
  }

  /** The mapping that `address` lies in, by binary search. Throws if the tables translate no such address. */
  find(address: bigint): Mapping<E> | undefined {
    const { format, levels } = this.space;
    format.checkAddress(address, levels);
    const page = Number((address & bits(addressBits(levels) - 1, 0)) >> 12n);
    const row = lastAtOrBefore(this.columns.pageNumber, page);
    const first = this.columns.pageNumber[row];
    const level = this.columns.level[row];
    if (first === undefined || level === undefined || page >= first + pagesAt(level)) return undefined;
    return this.at(row);
  }

  /** Entries that are not present and not empty, in which the kernel keeps something: as many as `maxMappings` at most. */
  *absent(): Generator<Pick<Mapping<E>, 'address' | 'level' | 'raw' | 'entry'>, void, undefined> {
    for (let row = 0; row < this.#holes.length; row += 1) yield new MappingView(this.space, this.#holes, row);
  }

  *[Symbol.iterator](): Generator<Mapping<E>, void, undefined> {
    for (let row = 0; row < this.length; row += 1) yield new MappingView(this.space, this.columns, row);
  }
}

/** Index of the last number that is not greater than `wanted` in a sorted array, or −1. */
function lastAtOrBefore(sorted: Float64Array, wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? Infinity) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** One row of the columns, decoded when asked. */
class MappingView<E extends TableEntry> implements Mapping<E> {
  readonly #space: AddressSpace<E>;
  readonly level: Level;
  readonly address: bigint;
  readonly raw: bigint;
  readonly #effective: number;

  constructor(space: AddressSpace<E>, columns: MappingColumns, row: number) {
    this.#space = space;
    this.level = (columns.level[row] ?? 1) as Level;
    this.address = space.format.fullAddress(BigInt(columns.pageNumber[row] ?? 0) << 12n, space.levels);
    this.raw = joinHalves(columns.low[row] ?? 0, columns.high[row] ?? 0);
    this.#effective = columns.effective[row] ?? 0;
  }

  get size(): bigint {
    return levelSize(this.level);
  }

  get entry(): E {
    return this.#space.format.decode(this.raw, this.level);
  }

  get physicalAddress(): bigint {
    return this.raw & this.#space.format.rules(this.level).leafAddress;
  }

  get leafRights(): Rights {
    return rightsFromBits(
      this.#space.format.rights(Number(this.raw & 0xffff_ffffn), Number(this.raw >> 32n)),
    );
  }

  get effectiveRights(): Rights {
    return rightsFromBits(this.#effective);
  }
}
