import type { FormatName, TableEntry } from '../entry.js';
import type { Depth, Level, LevelName } from '../level.js';
import type { Rights } from '../rights.js';

/** One level of a walk: which entry was read, and what it says. */
export interface WalkStep<E extends TableEntry = TableEntry> {
  readonly level: Level;
  readonly name: LevelName;
  /** Physical address of the table. */
  readonly tableAddress: bigint;
  readonly index: number;
  /** Physical address of the entry: table + 8 × index. */
  readonly entryAddress: bigint;
  readonly raw: bigint;
  readonly entry: E;
}

/**
 * Why a walk ended without a translation.
 * - `not-present`: the entry at `level` is not present.
 * - `reserved-bits`: a present entry sets bits that must be zero (#PF with RSVD; VT-d fault).
 * - `misconfiguration`: an EPT entry breaks a rule of SDM vol. 3, 29.3.3.1 (exit reason 49).
 * - `unknown-processor`: an entry sets a bit that is reserved on some processors; the walk was not told what this one has.
 * - `unreadable`: the table at `level` lies outside RAM.
 */
export type FaultReason =
  'not-present' | 'reserved-bits' | 'misconfiguration' | 'unknown-processor' | 'unreadable';

/** Where and why a walk ended. */
export interface WalkFault {
  readonly reason: FaultReason;
  readonly level: Level;
  readonly name: LevelName;
  /** Physical address of the entry at which the walk ended. */
  readonly entryAddress: bigint;
  /** The entry's value; undefined if it could not be read. */
  readonly raw: bigint | undefined;
  /** One sentence for a report. */
  readonly message: string;
}

interface WalkBase<E extends TableEntry> {
  readonly format: FormatName;
  /** The address that was walked. */
  readonly address: bigint;
  /** Physical address of the top table. */
  readonly root: bigint;
  readonly levels: Depth;
  /** Every entry that was read, from the root down. */
  readonly steps: readonly WalkStep<E>[];
}

/** A walk that ended at a page. */
export interface MappedWalk<E extends TableEntry = TableEntry> extends WalkBase<E> {
  readonly mapped: true;
  readonly leaf: WalkStep<E>;
  /** Bytes: 4 KiB, 2 MiB or 1 GiB. */
  readonly pageSize: bigint;
  /** Physical address of the page's first byte. */
  readonly pageAddress: bigint;
  /** What `address` translates to. */
  readonly physicalAddress: bigint;
  /** What the leaf alone permits. */
  readonly leafRights: Rights;
  /** What all levels together permit: the AND of U and W, and no execution if any level says NX. */
  readonly effectiveRights: Rights;
  readonly fault: undefined;
}

/** A walk that ended without a page. It has no physical address: absent is never frame 0. */
export interface FaultedWalk<E extends TableEntry = TableEntry> extends WalkBase<E> {
  readonly mapped: false;
  readonly leaf: undefined;
  readonly fault: WalkFault;
}

export type Walk<E extends TableEntry = TableEntry> = MappedWalk<E> | FaultedWalk<E>;
