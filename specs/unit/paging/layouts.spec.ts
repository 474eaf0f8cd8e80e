import { expect, test } from '@playwright/test';
import {
  bitRange,
  decodeContextEntry,
  decodeCr3,
  decodeEptEntry,
  decodeEptp,
  decodeRootEntry,
  decodeRootTableAddress,
  decodeSecondLevelEntry,
  decodeSpte,
  decodeX86Entry,
  fieldNames,
  fieldValue,
  type Layout,
} from '../../../lib/paging/index.js';

/** A whole layout in one line per role: `7 _PAGE_PAT`. Ignored bits are left out, since they are what remains. */
function names(layout: Layout): string[] {
  return layout
    .filter((field) => field.role !== 'ignored')
    .map((field) => `${bitRange(field)} ${field.name}`);
}

const COMMON = [
  '0 _PAGE_PRESENT',
  '1 _PAGE_RW',
  '2 _PAGE_USER',
  '3 _PAGE_PWT',
  '4 _PAGE_PCD',
  '5 _PAGE_ACCESSED',
];
const SOFTW = ['9 _PAGE_SOFTW1', '10 _PAGE_SOFTW2', '11 _PAGE_SOFTW3'];
const PKEY = ['59 _PAGE_PKEY_BIT0', '60 _PAGE_PKEY_BIT1', '61 _PAGE_PKEY_BIT2', '62 _PAGE_PKEY_BIT3'];

test('an x86 PTE', () => {
  expect(names(decodeX86Entry(1n, 1, { maxPhysicalAddress: 46, kernel: '6.1' }).fields)).toEqual([
    ...COMMON,
    '6 _PAGE_DIRTY',
    '7 _PAGE_PAT',
    '8 _PAGE_GLOBAL',
    ...SOFTW,
    '45:12 address',
    '51:46 reserved',
    '58 _PAGE_SOFTW4',
    ...PKEY,
    '63 _PAGE_NX',
  ]);
});

test('large x86 pages', () => {
  const large = (low: number) => [
    ...COMMON,
    '6 _PAGE_DIRTY',
    '7 _PAGE_PSE',
    '8 _PAGE_GLOBAL',
    ...SOFTW,
    '12 _PAGE_PAT_LARGE',
    `${low - 1}:13 reserved`,
    `51:${low} address`,
    '57 _PAGE_SOFTW4',
    '58 _PAGE_SOFTW5',
    ...PKEY,
    '63 _PAGE_NX',
  ];
  expect(names(decodeX86Entry(0x81n, 2, { kernel: '6.12' }).fields)).toEqual(large(21));
  expect(names(decodeX86Entry(0x81n, 3, { kernel: '6.12' }).fields)).toEqual(large(30));
});

test('x86 entries that point to tables: no dirty, no global, no protection key', () => {
  expect(names(decodeX86Entry(1n, 2).fields)).toEqual([...COMMON, ...SOFTW, '51:12 address', '63 _PAGE_NX']);
  expect(names(decodeX86Entry(1n, 4).fields)).toEqual([
    ...COMMON,
    '7 reserved',
    ...SOFTW,
    '51:12 address',
    '63 _PAGE_NX',
  ]);
});

test('the C-bit splits the address, and without NXE bit 63 is reserved', () => {
  const options = { encryptionMask: 1n << 47n, maxPhysicalAddress: 43, nxe: false };
  expect(names(decodeX86Entry(1n, 1, options).fields).slice(12)).toEqual([
    '42:12 address',
    '46:43 reserved',
    '47 _PAGE_ENC',
    '51:48 reserved',
    ...PKEY,
    '63 reserved',
  ]);
});

test('an x86 entry that is not present', () => {
  expect(names(decodeX86Entry(0n, 1).fields)).toEqual([
    ...COMMON,
    '6 _PAGE_DIRTY',
    '8 _PAGE_PROTNONE',
    ...SOFTW,
    '51:12 address',
    '62:59 swap type',
    '63 _PAGE_NX',
  ]);
  expect(names(decodeX86Entry(0n, 2).fields)).toContain('7 _PAGE_PSE');
});

const EPT_RIGHTS = ['0 VMX_EPT_READABLE', '1 VMX_EPT_WRITABLE', '2 VMX_EPT_EXECUTABLE'];
const EPT_ENABLED = [
  '57 VMX_EPT_VERIFY_GUEST_PAGING',
  '58 VMX_EPT_PAGING_WRITE',
  '60 VMX_EPT_SUPERVISOR_SHADOW_STACK',
  '61 VMX_EPT_SUB_PAGE_WRITE',
  '63 VMX_EPT_SUPPRESS_VE',
];

test('EPT entries', () => {
  expect(names(decodeEptEntry(7n, 1, { maxPhysicalAddress: 46, modeBasedExecute: true }).fields)).toEqual([
    ...EPT_RIGHTS,
    '5:3 VMX_EPT_MT',
    '6 VMX_EPT_IPAT',
    '8 VMX_EPT_ACCESS',
    '9 VMX_EPT_DIRTY',
    '10 VMX_EPT_USER_EXECUTABLE',
    '45:12 address',
    '51:46 reserved',
    ...EPT_ENABLED,
  ]);
  expect(names(decodeEptEntry(0x87n, 2).fields)).toEqual([
    ...EPT_RIGHTS,
    '5:3 VMX_EPT_MT',
    '6 VMX_EPT_IPAT',
    '7 VMX_EPT_LARGE',
    '8 VMX_EPT_ACCESS',
    '9 VMX_EPT_DIRTY',
    '20:12 reserved',
    '51:21 address',
    ...EPT_ENABLED,
  ]);
  expect(names(decodeEptEntry(7n, 4).fields)).toEqual([
    ...EPT_RIGHTS,
    '7:3 reserved',
    '8 VMX_EPT_ACCESS',
    '51:12 address',
    '63 VMX_EPT_SUPPRESS_VE',
  ]);
  expect(names(decodeEptEntry(7n, 2).fields)).toContain('6:3 reserved');
});

test('KVM’s own bits in a present SPTE, and an MMIO SPTE', () => {
  const ept = names(decodeSpte(0x1807n, 1, { kernel: '6.1', mmu: 'ept' }).fields);
  expect(ept.filter((name) => !name.includes('VMX_EPT'))).toEqual([
    '11 SPTE_MMU_PRESENT_MASK',
    '51:12 address',
    '53:52 SPTE_TDP_AD',
    '54 saved readable',
    '56 saved executable',
    '57 EPT_SPTE_HOST_WRITABLE',
    '58 EPT_SPTE_MMU_WRITABLE',
  ]);
  const npt = names(decodeSpte(0x1867n, 1, { kernel: '6.1', mmu: 'npt' }).fields);
  expect(npt).toContain('9 DEFAULT_SPTE_HOST_WRITABLE');
  expect(npt).toContain('10 DEFAULT_SPTE_MMU_WRITABLE');
  expect(npt).toContain('2 _PAGE_USER');
  expect(names(decodeSpte(6n, 1, { kernel: '6.1', mmu: 'ept' }).fields)).toEqual([
    '2:0 mmio value and access',
    '10:3 MMIO_SPTE_GEN_LOW',
    '51:12 gpa',
    '62:52 MMIO_SPTE_GEN_HIGH',
  ]);
});

test('VT-d', () => {
  expect(names(decodeSecondLevelEntry(0x83n, 2, { maxPhysicalAddress: 39 }).fields)).toEqual([
    '0 DMA_PTE_READ',
    '1 DMA_PTE_WRITE',
    '7 DMA_PTE_LARGE_PAGE',
    '8 DMA_PTE_ACCESSED',
    '9 DMA_PTE_DIRTY',
    '11 DMA_PTE_SNP',
    '20:12 reserved',
    '38:21 address',
    '51:39 reserved',
    '62 DMA_PTE_TM',
  ]);
  expect(names(decodeSecondLevelEntry(3n, 4).fields)).toEqual([
    '0 DMA_PTE_READ',
    '1 DMA_PTE_WRITE',
    '7 reserved',
    '8 DMA_PTE_ACCESSED',
    '11 reserved',
    '51:12 address',
    '62 reserved',
  ]);
  expect(names(decodeRootTableAddress(0n).fields)).toEqual(['11:10 TTM', '63:12 RTA']);
  expect(names(decodeRootEntry(0n, 0n).fields)).toEqual(['0 P', '63:12 CTP']);
  expect(names(decodeContextEntry(0n, 0n).fields)).toEqual(['0 P', '1 FPD', '3:2 TT', '63:12 SLPTPTR']);
  expect(names(decodeContextEntry(0n, 0n).highFields)).toEqual(['2:0 AW', '23:8 DID']);
});

test('CR3 and EPTP', () => {
  const top = ['51:12 PML base', '61 X86_CR3_LAM_U57', '62 X86_CR3_LAM_U48', '63 X86_CR3_PCID_NOFLUSH'];
  expect(names(decodeCr3(0n).fields)).toEqual(['11:0 PCID', ...top]);
  expect(names(decodeCr3(0n, { pcide: false }).fields)).toEqual(['3 X86_CR3_PWT', '4 X86_CR3_PCD', ...top]);
  expect(names(decodeEptp(0n).fields)).toEqual([
    '2:0 VMX_EPTP_MT',
    '5:3 VMX_EPTP_PWL',
    '6 VMX_EPTP_AD_ENABLE',
    '7 VMX_EPTP_SUPERVISOR_SHADOW_STACK',
    '51:12 EPT PML base',
  ]);
});

test('a difference by name, and the value of a field', () => {
  const { fields } = decodeX86Entry(0x8000_0000_1f0b_a867n, 1);
  expect(fieldNames(fields, 0n)).toEqual([]);
  expect(fieldNames(fields, 0x8000_0000_0000_1004n)).toEqual(['_PAGE_USER', 'address', '_PAGE_NX']);
  const address = fields.find((field) => field.role === 'address');
  expect(address === undefined ? undefined : fieldValue(address, 0x8000_0000_1f0b_a867n)).toBe(0x1f0ban);
});
