import { nameOf } from '../../../change/index.js';
import { _PAGE_ACCESSED, _PAGE_DIRTY, hasBit, hex, PTE_PFN_MASK } from '../../../paging/index.js';

/** The CPU sets them whenever it likes, so two honest readings of an entry may differ in them. */
export const ACCESSED_DIRTY = _PAGE_ACCESSED | _PAGE_DIRTY;

/** `_PAGE_RW (bit 1) set, frame 0x1000 → 0x2000`: how `after` differs from `before`; empty when it does not. */
export function describeChange(before: bigint, after: bigint): string {
  const changed = before ^ after;
  const parts: string[] = [];
  for (let position = 0; position < 64; position++) {
    if (!hasBit(changed & ~PTE_PFN_MASK, position)) continue;
    const name = nameOf(position);
    const bit = name.startsWith('bit') ? name : `${name} (bit ${position})`;
    parts.push(`${bit} ${hasBit(after, position) ? 'set' : 'cleared'}`);
  }
  if ((changed & PTE_PFN_MASK) !== 0n)
    parts.push(`frame ${hex(before & PTE_PFN_MASK)} → ${hex(after & PTE_PFN_MASK)}`);
  return parts.join(', ');
}
