import { PTE_PFN_MASK } from '../../../paging/index.js';
import type { ClearingRecord } from './pair.js';

/** Whether two entries lead to the same frame. An entry that is not known leads to none. */
export function isSameFrame(a: bigint | undefined, b: bigint | undefined): boolean {
  return a !== undefined && b !== undefined && ((a ^ b) & PTE_PFN_MASK) === 0n;
}

/**
 * Whether a record is about the page that has this entry: the log has no process, and its addresses are those of several.
 *
 * @param pte the page's leaf
 */
export function isAbout({ oldPte, newPte }: ClearingRecord, pte: bigint | undefined): boolean {
  return isSameFrame(oldPte ?? newPte, pte);
}
