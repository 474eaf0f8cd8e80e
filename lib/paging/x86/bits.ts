import { bit, bits } from '../bits.js';

/*
 * The bits of an x86-64 paging-structure entry that hardware defines, by the names of Linux's
 * arch/x86/include/asm/pgtable_types.h (SDM vol. 3, tables 4-15 to 4-20). Bits that only Linux gives a meaning are in
 * linux-bits.ts, since they move between versions.
 */
export const _PAGE_PRESENT = bit(0);
export const _PAGE_RW = bit(1);
export const _PAGE_USER = bit(2);
export const _PAGE_PWT = bit(3);
export const _PAGE_PCD = bit(4);
export const _PAGE_ACCESSED = bit(5);
export const _PAGE_DIRTY = bit(6);
/** A PDE or PDPTE maps a page. The same bit is PAT in a PTE. */
export const _PAGE_PSE = bit(7);
/** PAT index bit 2 in a PTE. In large pages it is at bit 12. */
export const _PAGE_PAT = bit(7);
export const _PAGE_GLOBAL = bit(8);
export const _PAGE_SOFTW1 = bit(9);
export const _PAGE_SOFTW2 = bit(10);
export const _PAGE_SOFTW3 = bit(11);
export const _PAGE_PAT_LARGE = bit(12);
export const _PAGE_PKEY_BIT0 = bit(59);
export const _PAGE_PKEY_BIT1 = bit(60);
export const _PAGE_PKEY_BIT2 = bit(61);
export const _PAGE_PKEY_BIT3 = bit(62);
export const _PAGE_PKEY_MASK = bits(62, 59);
export const _PAGE_NX = bit(63);

/** The widest physical address that the format can hold: bits 51:12 (Linux: PTE_PFN_MASK with 52 bits). */
export const PTE_PFN_MASK = bits(51, 12);
