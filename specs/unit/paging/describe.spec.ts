import { expect, test } from '@playwright/test';
import {
  decodeContextEntry,
  decodeCr3,
  decodeEptEntry,
  decodeEptp,
  decodeRootEntry,
  decodeRootTableAddress,
  decodeSecondLevelEntry,
  decodeSpte,
  decodeX86Entry,
  describe,
  EFER,
  EPT_VIOLATION,
  EPT_VPID_CAP,
  MISC_ENABLE,
  PAGE_FAULT,
  PFERR,
  sizeWords,
  summary,
} from '../../../lib/paging/index.js';

test('one line for each kind of value', () => {
  const lines = [
    decodeX86Entry(0x8000_0000_1f0b_a867n, 1),
    decodeX86Entry(0x1234_6067n, 4),
    decodeX86Entry(0n, 2),
    decodeX86Entry(0n, 2, { kernel: '6.1' }),
    decodeX86Entry(0x000f_ffff_e0f4_5120n, 1, { kernel: '6.1' }),
    decodeX86Entry(0x1f_f0e7n, 2),
    decodeX86Entry(0x2800_0000_4000_00e7n, 3),
    decodeEptEntry(0x600_0000_0163_fb77n, 1),
    decodeEptEntry(0xf8_000b_0046n, 1),
    decodeSecondLevelEntry(0xa3e_8003n, 1),
    decodeSpte(0xf8_000b_0046n, 1, { kernel: '6.1', mmu: 'ept', l1tfMask: 0xf8_0000_0000n }),
    decodeSpte(0x600_0000_0163_fb77n, 1, { kernel: '6.1', mmu: 'ept' }),
    decodeSpte(0n, 1, { kernel: '6.1', mmu: 'npt' }),
    decodeCr3(0x1234_5801n),
    decodeCr3(0x1234_5000n, { pcide: false }),
    decodeEptp(0x1234_505en),
    decodeEptp(0x101cn),
    decodeRootTableAddress(0x1234_5000n),
    decodeRootEntry(0x1234_5001n, 0n),
    decodeContextEntry(0x1234_5001n, 0x702n),
    decodeContextEntry(0n, 0n),
    PAGE_FAULT.decode(5n),
    PAGE_FAULT.decode(0n),
    PFERR['6.1'].decode(0x1_0000_000cn),
    EPT_VIOLATION.decode(0x182n),
    EPT_VPID_CAP.decode(0x41n),
    MISC_ENABLE.decode(1n << 34n),
    EFER.decode(0xd01n),
  ].map((value) => summary(value));
  expect(lines).toEqual([
    'PT entry 0x800000001f0ba867: 4 KiB page at 0x1f0ba000; _PAGE_PRESENT _PAGE_RW _PAGE_USER _PAGE_ACCESSED _PAGE_DIRTY _PAGE_SOFTW3 _PAGE_NX',
    'PML4 entry 0x12346067: table at 0x12346000; _PAGE_PRESENT _PAGE_RW _PAGE_USER _PAGE_ACCESSED',
    'PD entry 0x0: not present',
    'PD entry 0x0: not present (never used)',
    'PT entry 0xfffffe0f45120: not present (PROT_NONE, page at 0x1f0ba000); _PAGE_ACCESSED _PAGE_PROTNONE',
    'PD entry 0x1ff0e7: 2 MiB page at 0x0; _PAGE_PRESENT _PAGE_RW _PAGE_USER _PAGE_ACCESSED _PAGE_DIRTY _PAGE_PSE _PAGE_PAT_LARGE; BROKEN: reserved bits 20:13 of a PD entry are set (0x1fe000)',
    'PDPT entry 0x28000000400000e7: 1 GiB page at 0x40000000; _PAGE_PRESENT _PAGE_RW _PAGE_USER _PAGE_ACCESSED _PAGE_DIRTY _PAGE_PSE _PAGE_PKEY_BIT0 _PAGE_PKEY_BIT2; protection key 5',
    'PT entry 0x60000000163fb77: 4 KiB page at 0x163f000; VMX_EPT_READABLE VMX_EPT_WRITABLE VMX_EPT_EXECUTABLE VMX_EPT_IPAT VMX_EPT_ACCESS VMX_EPT_DIRTY VMX_EPT_VERIFY_GUEST_PAGING VMX_EPT_PAGING_WRITE; memory type WB',
    'PT entry 0xf8000b0046: 4 KiB page at 0xf8000b0000; VMX_EPT_WRITABLE VMX_EPT_EXECUTABLE VMX_EPT_IPAT; memory type UC; BROKEN: bits 2:0 are 110b: writes are permitted but reads are not',
    'PT entry 0xa3e8003: 4 KiB page at 0xa3e8000; DMA_PTE_READ DMA_PTE_WRITE',
    'SPTE 0xf8000b0046 (EPT, Linux 6.1): MMIO, gpa 0xb0000, access 0, generation 8',
    'SPTE 0x60000000163fb77 (EPT, Linux 6.1): 4 KiB page at 0x163f000; host-writable, MMU-writable, A/D tracking enabled',
    'SPTE 0x0 (NPT, Linux 6.1): empty',
    'CR3 0x12345801: top table at 0x12345000, PCID 2049',
    'CR3 0x12345000: top table at 0x12345000',
    'EPTP 0x1234505e: 4 levels from 0x12345000, tables WB, accessed and dirty flags on',
    'EPTP 0x101c: 4 levels from 0x1000, tables WT, accessed and dirty flags off; invalid: memory type 4 is not UC or WB',
    'RTADDR_REG 0x12345000: legacy mode, root table at 0x12345000',
    'root entry 0x12345001: context table at 0x12345000',
    'context entry 0x12345001: second-level, 4 levels from 0x12345000, domain 7',
    'context entry 0x0: not present',
    '#PF error code 0x5: X86_PF_PROT X86_PF_USER',
    '#PF error code 0x0: a kernel read of a page that is not present',
    'KVM error code 0x10000000c: PFERR_USER_MASK PFERR_RSVD_MASK PFERR_GUEST_FINAL_MASK',
    'EPT violation 0x182: EPT_VIOLATION_ACC_WRITE EPT_VIOLATION_GVA_IS_VALID EPT_VIOLATION_GVA_TRANSLATED',
    'IA32_VMX_EPT_VPID_CAP 0x41: VMX_EPT_EXECUTE_ONLY_BIT VMX_EPT_PAGE_WALK_4_BIT',
    'IA32_MISC_ENABLE 0x400000000: MSR_IA32_MISC_ENABLE_XD_DISABLE',
    'IA32_EFER 0xd01: EFER_SCE EFER_LME EFER_LMA EFER_NX',
  ]);
});

test('the full description names every field that is not zero, with bits and meaning', () => {
  expect(describe(decodeX86Entry(0x8000_0000_1f0b_a863n, 1, { kernel: '6.1' }))).toBe(
    [
      'PT entry 0x800000001f0ba863: 4 KiB page at 0x1f0ba000; _PAGE_PRESENT _PAGE_RW _PAGE_ACCESSED _PAGE_DIRTY _PAGE_SOFTW3 _PAGE_NX',
      '      0  _PAGE_PRESENT = 1: present: hardware translates through this entry',
      '      1  _PAGE_RW = 1: writes to the page are permitted',
      '      5  _PAGE_ACCESSED = 1: accessed since software cleared it',
      '      6  _PAGE_DIRTY = 1: written since software cleared it',
      '     11  _PAGE_SOFTW3 = 1: software: _PAGE_SOFT_DIRTY, written since the last clear_refs',
      '  51:12  address = 0x1f0ba000: physical address of the page',
      '     63  _PAGE_NX = 1: instruction fetches from the page are forbidden (XD)',
      '  Linux 6.1: softDirty',
    ].join('\n'),
  );
});

test('broken rules and the upper half of a context entry are described too', () => {
  expect(describe(decodeEptEntry(0x1002n, 1))).toContain(
    '  broken rule: bits 2:0 are 010b: writes are permitted but reads are not',
  );
  expect(describe(decodeContextEntry(0x1001n, 0x702n))).toContain('   23:8  DID = 0x7: domain');
});

test('sizes', () => {
  expect([1n, 1024n, 4096n, 2n << 20n, 1n << 30n, 3n << 30n].map(sizeWords)).toEqual([
    '1 bytes',
    '1 KiB',
    '4 KiB',
    '2 MiB',
    '1 GiB',
    '3 GiB',
  ]);
});
