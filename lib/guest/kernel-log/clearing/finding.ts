/** What is wrong with the log of a clearing, or cannot be known from it. */
export type ClearingFindingKind =
  /** Nothing in the log about this page, and nothing was lost. */
  | 'not-logged'
  /** The line before without the one after. */
  | 'not-confirmed'
  /** The line after without the one before. */
  | 'not-announced'
  /** The kernel says itself that it left the page alone. */
  | 'reported-not-cleared'
  /** Old PTE not present. */
  | 'old-not-present'
  /** Old PTE is as the change leaves it: changed before, or a wrong value logged. */
  | 'old-done'
  /** New PTE is not as the change leaves it. */
  | 'new-not-done'
  /** New PTE differs from the old one in more than the change's bits, A and D. */
  | 'other-bits-changed'
  /** Old PTE in the log is not what memory held before. */
  | 'old-not-as-in-memory'
  /** New PTE in the log is not what memory holds. */
  | 'new-not-as-in-memory'
  /** A clearing outside the pages asked for. */
  | 'unexpected-page'
  /** The kernel says that it left a range alone, and none of the pages asked for is in it. */
  | 'unexpected-range'
  /** The page was cleared more often than it was mapped. */
  | 'logged-again'
  /** The line is there but its value was cut off. */
  | 'unreadable'
  /** The line is missing, but so are records of the log: no verdict. */
  | 'unknown';

/** One finding about one page, or about a run of neighbouring pages with the same finding. */
export interface ClearingFinding {
  readonly kind: ClearingFindingKind;
  /** The first page's address. */
  readonly address: bigint;
  /** Pages in the run, from 1. */
  readonly pages: number;
  /** One line: page, what was seen, what it means. */
  readonly message: string;
  /** False for `unknown` and `unreadable`: the log cannot tell, so this is no accusation of the kernel. */
  readonly proves: boolean;
}

/** Finding before its run is known. `detail` is the sentence after the address. */
export interface PageFinding {
  readonly kind: ClearingFindingKind;
  readonly address: bigint;
  readonly detail: string;
}
