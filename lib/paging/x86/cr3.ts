import { bit, bits, field, hasBit } from '../bits.js';
import { flag, layout, part, type Decoded, type Layout } from '../bit-field.js';
import { assertRaw } from '../raw.js';
import { PTE_PFN_MASK } from './bits.js';

/** A decoded CR3 (SDM vol. 3, table 4-12). */
export interface Cr3 extends Decoded {
  readonly type: 'cr3';
  /** Physical address of the top table: bits 51:12. Bits 11:0 are never part of it. */
  readonly base: bigint;
  /** Process-context identifier, 0 to 4095; undefined unless CR4.PCIDE. */
  readonly pcid: number | undefined;
  /** PWT and PCD for the top table; false with CR4.PCIDE, where the bits belong to the PCID. */
  readonly writeThrough: boolean;
  readonly cacheDisable: boolean;
  /** Linear-address masking of user pointers: bits 62:57 are ignored (LAM_U57, bit 61). */
  readonly lamU57: boolean;
  /** Linear-address masking of user pointers: bits 62:48 are ignored (LAM_U48, bit 62). */
  readonly lamU48: boolean;
  /** Set bits that no property above stands for. */
  readonly otherBits: bigint;
}

const TOP = [
  part(51, 12, 'PML base', 'physical address of the top table', 'address'),
  flag(61, 'X86_CR3_LAM_U57', 'user pointers: bits 62:57 are ignored'),
  flag(62, 'X86_CR3_LAM_U48', 'user pointers: bits 62:48 are ignored'),
  flag(63, 'X86_CR3_PCID_NOFLUSH', 'in a MOV to CR3: keep the TLB; never stored'),
];
const WITH_PCID: Layout = layout([...TOP, part(11, 0, 'PCID', 'process-context identifier')]);
const WITHOUT_PCID: Layout = layout([
  ...TOP,
  flag(3, 'X86_CR3_PWT', 'write-through for the top table'),
  flag(4, 'X86_CR3_PCD', 'cache disable for the top table'),
]);

/** Decodes CR3. `pcide` is CR4 bit 17 (default true, as on every Linux that uses PCIDs; the base does not depend on it). */
export function decodeCr3(raw: bigint, { pcide = true }: { readonly pcide?: boolean } = {}): Cr3 {
  assertRaw(raw, 'CR3');
  const value = {
    type: 'cr3',
    raw,
    fields: pcide ? WITH_PCID : WITHOUT_PCID,
    base: raw & PTE_PFN_MASK,
    pcid: pcide ? field(raw, 11, 0) : undefined,
    writeThrough: !pcide && hasBit(raw, 3),
    cacheDisable: !pcide && hasBit(raw, 4),
    lamU57: hasBit(raw, 61),
    lamU48: hasBit(raw, 62),
    otherBits: 0n,
  } as const;
  return { ...value, otherBits: raw & ~encodeCr3(value) };
}

/** Composes CR3 from its properties; `raw` is not read. */
export function encodeCr3(value: Cr3): bigint {
  return (
    value.base |
    BigInt(value.pcid ?? 0) |
    (value.writeThrough ? bit(3) : 0n) |
    (value.cacheDisable ? bit(4) : 0n) |
    (value.lamU57 ? bit(61) : 0n) |
    (value.lamU48 ? bit(62) : 0n) |
    value.otherBits
  );
}

/** Both page tables of a process under kernel page-table isolation. */
export interface KptiPair {
  /** Top table of the kernel's copy: maps all, with NX on the user half's entries. `mm->pgd` is this one. */
  readonly kernel: bigint;
  /** Top table of the user's copy: the user half and the entry code only. */
  readonly user: bigint;
  /** Which of the two this CR3 names. */
  readonly selected: 'kernel' | 'user';
}

/**
 * The pair of top tables that a CR3 belongs to, if the kernel runs with page-table isolation: 8 KiB aligned, kernel copy
 * first, bit 12 selects the user copy (Linux arch/x86/entry/calling.h, PTI_USER_PGTABLE_BIT). Whether isolation is on
 * cannot be seen in the value: without it the answer is meaningless.
 */
export function kptiPair(cr3: bigint): KptiPair {
  const base = cr3 & PTE_PFN_MASK;
  return {
    kernel: base & ~bit(12),
    user: base | bit(12),
    selected: hasBit(cr3, 12) ? 'user' : 'kernel',
  };
}

/**
 * With PCIDs and page-table isolation Linux gives the user copy its own identifier: the kernel's with bit 11 set
 * (X86_CR3_PTI_PCID_USER_BIT). True for an identifier of a user copy.
 */
export function isKptiUserPcid(pcid: number): boolean {
  return (BigInt(pcid) & bits(11, 11)) !== 0n;
}
