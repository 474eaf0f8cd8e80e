import { flagWord } from '../flag-word.js';

/** Exit reasons of the two EPT faults (SDM vol. 3, appendix C). */
export const EXIT_REASON_EPT_VIOLATION = 48;
export const EXIT_REASON_EPT_MISCONFIG = 49;

/**
 * Exit qualification of an EPT violation (SDM vol. 3, table 28-7; names of Linux arch/x86/include/asm/vmx.h where it
 * has them). First touches of guest RAM give 0x184 and 0x182. A misconfiguration has no qualification.
 */
export const EPT_VIOLATION = flagWord('ept-violation', {
  read: { bit: 0, name: 'EPT_VIOLATION_ACC_READ', meaning: 'the access was a data read' },
  write: { bit: 1, name: 'EPT_VIOLATION_ACC_WRITE', meaning: 'the access was a data write' },
  fetch: { bit: 2, name: 'EPT_VIOLATION_ACC_INSTR', meaning: 'the access was an instruction fetch' },
  readable: { bit: 3, name: 'EPT_VIOLATION_PROT_READ', meaning: 'all entries on the way permit reads' },
  writable: { bit: 4, name: 'EPT_VIOLATION_PROT_WRITE', meaning: 'all entries on the way permit writes' },
  executable: { bit: 5, name: 'EPT_VIOLATION_PROT_EXEC', meaning: 'all entries on the way permit fetches' },
  userExecutable: {
    bit: 6,
    name: 'EPT_VIOLATION_PROT_USER_EXEC',
    meaning: 'all entries on the way permit user fetches (mode-based execute control)',
  },
  linearAddressValid: {
    bit: 7,
    name: 'EPT_VIOLATION_GVA_IS_VALID',
    meaning: 'the guest-linear-address field is valid',
  },
  linearAddressTranslated: {
    bit: 8,
    name: 'EPT_VIOLATION_GVA_TRANSLATED',
    meaning: "the access was to the translated address, not to the guest's page tables",
  },
  userLinear: { bit: 9, name: 'user-mode linear address', meaning: 'the guest maps it as a user address' },
  writableLinear: { bit: 10, name: 'read/write linear address', meaning: 'the guest maps it writable' },
  noExecuteLinear: {
    bit: 11,
    name: 'execute-disable linear address',
    meaning: 'the guest maps it no-execute',
  },
  nmiUnblocking: { bit: 12, name: 'NMI unblocking', meaning: 'an IRET unblocked NMIs before the fault' },
  shadowStack: { bit: 13, name: 'shadow-stack access', meaning: 'the access was to a shadow stack' },
  supervisorShadowStack: {
    bit: 14,
    name: 'supervisor shadow-stack page',
    meaning: 'bit 60 of the entry is set, if supervisor shadow stacks are enforced',
  },
  guestPagingVerification: {
    bit: 15,
    name: 'guest-paging verification',
    meaning: 'the fault is of guest-paging verification',
  },
  asynchronous: {
    bit: 16,
    name: 'asynchronous',
    meaning: 'the access was not made by an instruction (trace output, PEBS)',
  },
});
export type EptViolation = ReturnType<typeof EPT_VIOLATION.decode>;
