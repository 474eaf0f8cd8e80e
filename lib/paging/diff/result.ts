import type { Level } from '../level.js';

/** What became of a stretch of addresses between two scans. */
export type ChangeKind = 'mapped' | 'unmapped' | 'changed';

/** One side of a change: the leaf that maps the first address of the stretch. */
export interface ChangeSide {
  readonly raw: bigint;
  readonly level: Level;
  /** Physical address to which the first address of the stretch translates. */
  readonly physicalAddress: bigint;
}

/** Neighbouring addresses to which the same happened. */
export interface Change {
  readonly kind: ChangeKind;
  readonly start: bigint;
  /** First address after the stretch; 2^64 at the top. */
  readonly end: bigint;
  /** 4 KiB pages in the stretch. */
  readonly pages: number;
  /** Undefined for what was mapped. */
  readonly before: ChangeSide | undefined;
  /** Undefined for what was unmapped. */
  readonly after: ChangeSide | undefined;
  /** Flag bits (no address bits) that are set now and were not, without the ignored ones. Only for 'changed'. */
  readonly set: bigint;
  /** Flag bits that were set and are no more. Only for 'changed'. */
  readonly cleared: bigint;
  /** `set` and `cleared` by name, as `+_PAGE_SOFTW1` and `-_PAGE_USER`. */
  readonly names: readonly string[];
  /** The addresses translate to other physical addresses now. */
  readonly moved: boolean;
  /** The page size changed (a large page was split or made). */
  readonly resized: boolean;
  /** What all levels together permit changed, though perhaps no bit of the leaf. */
  readonly rightsChanged: boolean;
}

export interface ScanDiff {
  /** In address order. */
  readonly changes: readonly Change[];
  /** 4 KiB pages, by kind. */
  readonly pages: Readonly<Record<ChangeKind, number>>;
  /** False if one of the scans was cut short: what lies behind may be reported as mapped or unmapped wrongly. */
  readonly complete: boolean;
  /** How many 4 KiB pages of a range were mapped in the first scan. @param end exclusive */
  readonly mappedBefore: (start: bigint, end: bigint) => number;
}
