import { ALL_BITS, bits, hex } from '../bits.js';
import { InvalidArgumentError } from '../paging-errors.js';
import type { AddressSpace } from '../format.js';
import { addressBits } from '../level.js';

/** A range of addresses: `start` is included, `end` is not (2^64 for the top). Both are multiples of 4096. */
export interface AddressRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** What to scan, and the bounds that keep a scan of hostile tables finite. */
export interface ScanOptions {
  /** 'user' and 'kernel' are the lower and upper half of a canonical address space. Default 'all'. */
  readonly range?: AddressRange | 'user' | 'kernel' | 'all';
  /** At most so many tables are read (4 KiB each). Default 65,536. */
  readonly maxTables?: number;
  /** At most so many mappings are listed. Default 4,194,304. */
  readonly maxMappings?: number;
  /**
   * At most so many tables are gone through, a table counting once for every path that leads to it: tables that share
   * tables that share tables can name 2^27 paths with four pages. Default 262,144.
   */
  readonly maxVisits?: number;
  /** At most so many problems are kept; the rest is only counted. Default 1,000. */
  readonly maxProblems?: number;
}

/** The same with nothing left open; addresses as page numbers without sign extension. */
export interface ScanBounds {
  readonly firstPage: number;
  /** Page number after the last one. */
  readonly endPage: number;
  readonly maxTables: number;
  readonly maxMappings: number;
  readonly maxVisits: number;
  readonly maxProblems: number;
}

/** Fills in defaults. Throws for a range that is empty, unaligned or has ends that the tables do not translate. */
export function scanBounds(space: AddressSpace, options: ScanOptions): ScanBounds {
  const { firstPage, endPage } = pageRange(space, options.range ?? 'all');
  return {
    firstPage,
    endPage,
    maxTables: options.maxTables ?? 65_536,
    maxMappings: options.maxMappings ?? 4_194_304,
    maxVisits: options.maxVisits ?? 262_144,
    maxProblems: options.maxProblems ?? 1_000,
  };
}

function pageRange(space: AddressSpace, range: AddressRange | 'user' | 'kernel' | 'all') {
  const allPages = 2 ** (addressBits(space.levels) - 12);
  if (range === 'all') return { firstPage: 0, endPage: allPages };
  if (range === 'user') return { firstPage: 0, endPage: allPages / 2 };
  if (range === 'kernel') return { firstPage: allPages / 2, endPage: allPages };

  const { start, end } = range;
  const text = `${hex(start)}–${hex(end)}`;
  if (end <= start)
    throw new InvalidArgumentError(`The range ${text} is empty: end is the first address after it.`);
  if (((start | end) & 0xfffn) !== 0n) {
    throw new InvalidArgumentError(
      `The range ${text} does not begin and end at a page (a multiple of 4096).`,
    );
  }
  space.format.checkAddress(start, space.levels);
  space.format.checkAddress((end - 1n) & ALL_BITS, space.levels);
  const translated = bits(addressBits(space.levels) - 1, 0);
  return {
    firstPage: Number((start & translated) >> 12n),
    endPage: Number(((end - 1n) & translated) >> 12n) + 1,
  };
}
