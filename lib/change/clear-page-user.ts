import { _PAGE_USER } from '../paging/index.js';
import { defineChange } from './change.js';

/** DMA-mapped pages are taken away from user mode: what open-tdx's driver does, and the reference stack's. */
export const clearPageUser = defineChange({
  name: 'clear _PAGE_USER',
  cleared: _PAGE_USER,
  log: {
    begins: 'Clearing _PAGE_USER at vaddr {address}, old PTE: {pte}',
    ends: 'Successfully cleared _PAGE_USER at vaddr {address}, new PTE: {pte}',
    leaves: 'Not clearing _PAGE_USER at vaddr {start}-{end} ({reason})[, entry: {entry}]',
  },
  // The VMA permits a write, so the kernel finds nothing to do for it and returns to the same instruction.
  accesses: [
    { access: 'read', outcome: 'fault', errorCode: 0x5 },
    { access: 'write', outcome: 'stalled' },
  ],
  states: { done: 'closed to user mode', left: 'open to user mode' },
});
