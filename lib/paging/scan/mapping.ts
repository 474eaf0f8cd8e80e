import type { TableEntry } from '../entry.js';
import type { Level } from '../level.js';
import type { Rights } from '../rights.js';

/** One page that an address space maps, decoded on demand from a scan's columns. */
export interface Mapping<E extends TableEntry = TableEntry> {
  /** First address of the page. */
  readonly address: bigint;
  /** Bytes: 4 KiB, 2 MiB or 1 GiB. */
  readonly size: bigint;
  readonly level: Level;
  /** The leaf entry. */
  readonly raw: bigint;
  readonly entry: E;
  /** First physical address of the page. */
  readonly physicalAddress: bigint;
  readonly leafRights: Rights;
  readonly effectiveRights: Rights;
}

/** Neighbouring mappings that are alike, taken together. */
export interface MappedRange {
  readonly start: bigint;
  /** First address after the range; 2^64 for one that ends at the top. */
  readonly end: bigint;
  /** How many mappings (of whatever size) it holds. */
  readonly mappings: number;
  /** Bytes per mapping: 4 KiB, 2 MiB or 1 GiB; the same for the whole range. */
  readonly pageSize: bigint;
  /** Physical address of the first byte. */
  readonly physicalAddress: bigint;
  /** True if the range is contiguous in physical memory too. */
  readonly contiguous: boolean;
  readonly leafRights: Rights;
  readonly effectiveRights: Rights;
}
