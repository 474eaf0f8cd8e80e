import type { FormatName } from '../../paging/entry.js';
import type { MappedRange } from '../../paging/scan/mapping.js';

/** One of a scan's coalesced ranges, with what is there if that is known: `[heap]`, a library, `direct map`. */
export interface MapRange extends MappedRange {
  readonly name?: string;
}

/** An address to be pointed at: the page under test. */
export interface MapMark {
  address: bigint;
  label: string;
}

export interface AddressSpaceMap {
  title: string;
  subtitle?: string;
  /** Decides which rights there are: EPT and VT-d know no user mode. Default `x86`. */
  format?: FormatName;
  /** In order of address, without overlap. */
  ranges: readonly MapRange[];
  marks?: readonly MapMark[];
}
