import { flagWord } from '../flag-word.js';

/**
 * Error code of a page fault (SDM vol. 3, 4.7; AMD APM vol. 2, 8.4.2; names of Linux arch/x86/include/asm/trap_pf.h).
 * A user read of a page whose `_PAGE_USER` is clear gives 0x5: protection, user.
 */
export const PAGE_FAULT = flagWord('page-fault', {
  protection: { bit: 0, name: 'X86_PF_PROT', meaning: 'the page is present: its rights forbid the access' },
  write: { bit: 1, name: 'X86_PF_WRITE', meaning: 'the access was a write' },
  user: { bit: 2, name: 'X86_PF_USER', meaning: 'the access came from user mode' },
  reservedBit: { bit: 3, name: 'X86_PF_RSVD', meaning: 'an entry on the way sets a reserved bit' },
  instructionFetch: { bit: 4, name: 'X86_PF_INSTR', meaning: 'the access was an instruction fetch' },
  protectionKey: { bit: 5, name: 'X86_PF_PK', meaning: 'a protection key forbids the access' },
  shadowStack: { bit: 6, name: 'X86_PF_SHSTK', meaning: 'the access was a shadow-stack access' },
  sgx: { bit: 15, name: 'X86_PF_SGX', meaning: 'SGX access control forbids the access' },
  rmp: { bit: 31, name: 'X86_PF_RMP', meaning: 'the reverse map table (SEV-SNP) forbids the access' },
});
export type PageFault = ReturnType<typeof PAGE_FAULT.decode>;
