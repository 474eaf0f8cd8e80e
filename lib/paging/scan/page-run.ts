import { highHalf, joinHalves, lowHalf } from '../bits.js';
import type { TableEntry } from '../entry.js';
import type { AddressSpace } from '../format.js';
import { PAGE_SIZE, type Level } from '../level.js';
import { rightsFromBits, type Rights } from '../rights.js';
import type { Walk } from '../walk/result.js';
import { pagesAt, type MappingColumns } from './columns.js';
import { HOLE_REASONS } from './list.js';

/** Status of a page in a run: mapped, or why not. */
export type PageStatus = 'mapped' | (typeof HOLE_REASONS)[number];

const MAPPED = 255;
const LIMIT = HOLE_REASONS.indexOf('limit');
const NOT_PRESENT = HOLE_REASONS.indexOf('not-present');
const UNREADABLE = HOLE_REASONS.indexOf('unreadable');

/** Bits that every page's leaf entry must have set, and bits that must be clear. */
export interface BitExpectation {
  readonly set?: bigint;
  readonly cleared?: bigint;
}

/** One 4 KiB page of a run. */
export interface PageView<E extends TableEntry = TableEntry> {
  readonly address: bigint;
  readonly status: PageStatus;
  /** Level of the leaf, or of the entry at which the translation ends. */
  readonly level: Level;
  /** The leaf entry, or the entry at which the translation ends; undefined if that could not be read. */
  readonly raw: bigint | undefined;
  readonly entry: E | undefined;
  /** Where this 4 KiB page lies, also within a large leaf; undefined unless mapped. */
  readonly physicalAddress: bigint | undefined;
  readonly leafRights: Rights | undefined;
  readonly effectiveRights: Rights | undefined;
}

/** Consecutive pages with one row each. Rows are columns; `at` decodes one. */
export class PageRun<E extends TableEntry = TableEntry> implements Iterable<PageView<E>> {
  readonly space: AddressSpace<E>;
  readonly start: bigint;
  readonly length: number;
  /** The walk to the first page, of the tables that were read for the run: decoded when it is asked for. */
  readonly first: () => Walk<E>;
  /** How many of the pages are mapped. */
  readonly mappedCount: number;
  /** Bits 31:0 and 63:32 of the leaf entry, or of the entry at which the translation ends. */
  readonly low: Uint32Array;
  readonly high: Uint32Array;
  readonly level: Uint8Array;
  /** Effective rights, packed; 0 where nothing is mapped. */
  readonly effective: Uint8Array;
  readonly #status: Uint8Array;
  readonly #firstPage: number;

  constructor(
    space: AddressSpace<E>,
    start: bigint,
    firstPage: number,
    pages: number,
    mappings: MappingColumns,
    holes: MappingColumns,
    first: () => Walk<E>,
  ) {
    this.first = first;
    this.space = space;
    this.start = start;
    this.length = pages;
    this.#firstPage = firstPage;
    this.low = new Uint32Array(pages);
    this.high = new Uint32Array(pages);
    this.level = new Uint8Array(pages).fill(space.levels);
    this.effective = new Uint8Array(pages);
    this.#status = new Uint8Array(pages).fill(LIMIT);
    for (let row = 0; row < holes.length; row += 1) {
      const reason = holes.effective[row] ?? LIMIT;
      this.#fill(holes, row, reason, 0);
    }
    let mapped = 0;
    for (let row = 0; row < mappings.length; row += 1) {
      mapped += this.#fill(mappings, row, MAPPED, mappings.effective[row] ?? 0);
    }
    this.mappedCount = mapped;
  }

  /** Spreads one row over the pages of this run that it covers. Returns how many. */
  #fill(columns: MappingColumns, row: number, status: number, effective: number): number {
    const level = columns.level[row] ?? 1;
    const page = (columns.pageNumber[row] ?? 0) - this.#firstPage;
    const from = Math.max(0, page);
    const to = Math.min(this.length, page + pagesAt(level));
    const low = columns.low[row] ?? 0;
    const high = columns.high[row] ?? 0;
    // An unreadable table is the level below the entry that points to it, as in a walk.
    const at = status === UNREADABLE ? level - 1 : level;
    for (let index = from; index < to; index += 1) {
      this.low[index] = low;
      this.high[index] = high;
      this.level[index] = at;
      this.effective[index] = effective;
      this.#status[index] = status;
    }
    return to - from;
  }

  /** Page `index`, 0 to length − 1, or undefined outside that range. */
  at(index: number): PageView<E> | undefined {
    const status = this.#status[index];
    if (status === undefined) return undefined;
    const { format } = this.space;
    const level = (this.level[index] ?? 1) as Level;
    const low = this.low[index] ?? 0;
    const high = this.high[index] ?? 0;
    const address = this.start + BigInt(index) * PAGE_SIZE;
    const reason = HOLE_REASONS[status];
    const raw = reason === 'unreadable' || reason === 'limit' ? undefined : joinHalves(low, high);
    const entry = raw === undefined ? undefined : format.decode(raw, level);
    const absent = { physicalAddress: undefined, leafRights: undefined, effectiveRights: undefined };
    if (reason !== undefined) return { address, status: reason, level, raw, entry, ...absent };
    const within = address & ((1n << BigInt(12 + 9 * (level - 1))) - 1n);
    return {
      address,
      status: 'mapped',
      level,
      raw,
      entry,
      physicalAddress: entry?.address === undefined ? undefined : entry.address | within,
      leafRights: rightsFromBits(format.rights(low, high)),
      effectiveRights: rightsFromBits(this.effective[index] ?? 0),
    };
  }

  *[Symbol.iterator](): Generator<PageView<E>, void, undefined> {
    for (let index = 0; index < this.length; index += 1) {
      const page = this.at(index);
      if (page !== undefined) yield page;
    }
  }

  /** Indices of the pages that are not mapped. */
  unmapped(): Uint32Array {
    return this.#where((index) => this.#status[index] !== MAPPED);
  }

  /** Indices of the pages of which nothing is known that can be held against an expectation of these bits: see `failing`. */
  unjudged({ cleared = 0n }: BitExpectation): Uint32Array {
    if (!this.#asksForAbsence(cleared)) return this.unmapped();
    return this.#where((index) => this.#status[index] !== MAPPED && this.#status[index] !== NOT_PRESENT);
  }

  /**
   * Indices of the pages whose leaf entry does not have the expected bits. Pages that are not mapped are not among them: whether absence is
   * a failure is for the caller to say (see `unmapped`). Where `cleared` has the bits that make an entry present, absence is what is asked
   * for, and entries that are not present are judged as well.
   */
  failing(expected: BitExpectation): Uint32Array {
    const { set = 0n, cleared = 0n } = expected;
    const careLow = lowHalf(set | cleared);
    const careHigh = highHalf(set | cleared);
    const wantLow = lowHalf(set);
    const wantHigh = highHalf(set);
    const asksForAbsence = this.#asksForAbsence(cleared);
    return this.#where(
      (index) =>
        (this.#status[index] === MAPPED || (asksForAbsence && this.#status[index] === NOT_PRESENT)) &&
        ((((this.low[index] ?? 0) & careLow) ^ wantLow) |
          (((this.high[index] ?? 0) & careHigh) ^ wantHigh)) !==
          0,
    );
  }

  #asksForAbsence(cleared: bigint): boolean {
    const { present } = this.space.format.rules(1);
    return (cleared & present) === present;
  }

  #where(test: (index: number) => boolean): Uint32Array {
    const found: number[] = [];
    for (let index = 0; index < this.length; index += 1) if (test(index)) found.push(index);
    return Uint32Array.from(found);
  }
}
