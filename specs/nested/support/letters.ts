import { _PAGE_ACCESSED, _PAGE_DIRTY } from '../../../lib/paging/index.js';

/** Accessed and dirty of an x86 or NPT entry as two letters, where a dash is a clear bit. */
export function accessedAndDirty(raw: bigint): string {
  return `${(raw & _PAGE_ACCESSED) === 0n ? '-' : 'A'}${(raw & _PAGE_DIRTY) === 0n ? '-' : 'D'}`;
}
