import { flagWord } from '../flag-word.js';
import type { LinuxVersion } from '../x86/linux-bits.js';

/* What both versions share: the hardware's error code, and the two bits that SVM adds for nested faults. */
const COMMON = {
  present: {
    bit: 0,
    name: 'PFERR_PRESENT_MASK',
    meaning: 'the page is present: its rights forbid the access',
  },
  write: { bit: 1, name: 'PFERR_WRITE_MASK', meaning: 'the access was a write' },
  user: { bit: 2, name: 'PFERR_USER_MASK', meaning: 'a user access; for EPT faults: the access was a read' },
  reserved: { bit: 3, name: 'PFERR_RSVD_MASK', meaning: 'a reserved bit is set: an MMIO SPTE' },
  fetch: { bit: 4, name: 'PFERR_FETCH_MASK', meaning: 'the access was an instruction fetch' },
  protectionKey: { bit: 5, name: 'PFERR_PK_MASK', meaning: 'a protection key forbids the access' },
  sgx: { bit: 15, name: 'PFERR_SGX_MASK', meaning: 'SGX access control forbids the access' },
  guestFinal: {
    bit: 32,
    name: 'PFERR_GUEST_FINAL_MASK',
    meaning: "the fault was on the guest's final address",
  },
  guestPage: { bit: 33, name: 'PFERR_GUEST_PAGE_MASK', meaning: "the fault was on the guest's page tables" },
  implicitAccess: {
    bit: 48,
    name: 'PFERR_IMPLICIT_ACCESS',
    meaning: 'synthetic: an access that the emulated instruction makes implicitly',
  },
} as const;

/** PFERR_* of Linux 6.1, arch/x86/include/asm/kvm_host.h. */
const V6_1 = flagWord('pferr', COMMON);

/** PFERR_* of Linux 6.12: SEV-SNP's bits, and the synthetic PRIVATE_ACCESS. */
const V6_12 = flagWord('pferr', {
  ...COMMON,
  rmp: { bit: 31, name: 'PFERR_GUEST_RMP_MASK', meaning: 'the reverse map table forbids the access' },
  guestEncrypted: { bit: 34, name: 'PFERR_GUEST_ENC_MASK', meaning: "the guest's address has the C-bit set" },
  guestSize: { bit: 35, name: 'PFERR_GUEST_SIZEM_MASK', meaning: 'page size differs from the reverse map' },
  guestVmpl: { bit: 36, name: 'PFERR_GUEST_VMPL_MASK', meaning: 'the VM privilege level forbids the access' },
  privateAccess: {
    bit: 49,
    name: 'PFERR_PRIVATE_ACCESS',
    meaning: 'synthetic: the guest accessed private memory',
  },
});

/**
 * KVM's page-fault error codes, which also carry nested faults: `PFERR['6.1'].decode(0x10000000cn)`. The synthetic bits
 * move between versions, so the version must be named. AMD processors may add P to the RSVD code: test `reserved`, not
 * the whole code.
 */
export const PFERR = { '6.1': V6_1, '6.12': V6_12, '6.15': V6_12 } as const satisfies Record<
  LinuxVersion,
  unknown
>;
export type Pferr = ReturnType<typeof V6_1.decode> | ReturnType<typeof V6_12.decode>;
