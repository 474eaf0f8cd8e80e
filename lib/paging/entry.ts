import type { Decoded } from './bit-field.js';
import type { Level } from './level.js';

/** The table formats that the walk engine knows. */
export type FormatName = 'x86' | 'npt' | 'ept' | 'vtd';

/** What the hardware makes of an entry: it stops there, goes on to a table, or maps a page. */
export type EntryKind = 'not-present' | 'table' | 'leaf';

/** A rule of the format that an entry breaks. The hardware faults on such an entry although it is present. */
export interface Violation {
  /**
   * Which rule: reserved bits, or one of the EPT misconfigurations (SDM vol. 3, 29.3.3.1). 'unknown-processor': the bits are reserved
   * on some processors, and what this one has is not known.
   */
  readonly rule:
    'reserved-bits' | 'unknown-processor' | 'write-without-read' | 'execute-only-unsupported' | 'memory-type';
  /** The offending bits, in place. */
  readonly bits: bigint;
  /** One phrase that names the bits and the rule. */
  readonly message: string;
}

/** What entries of all formats have in common. */
export interface TableEntry extends Decoded {
  readonly format: FormatName;
  readonly level: Level;
  readonly kind: EntryKind;
  readonly present: boolean;
  /** Physical address of the next table (kind 'table') or of the page (kind 'leaf'), undefined if not present. */
  readonly address: bigint | undefined;
  /** Bytes that a leaf maps: 4 KiB, 2 MiB or 1 GiB; undefined for anything but a leaf. */
  readonly size: bigint | undefined;
  /** Rules that a present entry breaks; empty for a good one. */
  readonly violations: readonly Violation[];
}
