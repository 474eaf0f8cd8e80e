import { _PAGE_ACCESSED, _PAGE_DIRTY, _PAGE_NX, _PAGE_PRESENT, _PAGE_RW, _PAGE_USER } from '../x86/bits.js';
import { _PAGE_PROTNONE } from '../x86/linux-bits.js';

/** The access rights of an area: PROT_READ, PROT_WRITE, PROT_EXEC, and MAP_SHARED. */
export interface VmaAccess {
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  readonly shared: boolean;
}

/** What a PTE must look like: bits that are set and bits that are clear. Others may be either. */
export interface PteExpectation {
  readonly set: bigint;
  readonly cleared: bigint;
}

/** The protection that Linux derives for an area's pages. */
export interface VmaProtection {
  /** The kernel's own name: PAGE_NONE, PAGE_READONLY, PAGE_COPY, PAGE_SHARED, with _EXEC. */
  readonly name: string;
  /** The value of `vm_page_prot` (`pgprot_t`). */
  readonly pgprot: bigint;
  /** A page that was read but not written. A private writable one is read-only: the first write copies it. */
  readonly beforeWrite: PteExpectation;
  /** A page after the first write; undefined if the area forbids writes. */
  readonly afterWrite: PteExpectation | undefined;
}

/**
 * The table of the sixteen combinations (Linux 6.1 arch/x86/mm/pgprot.c, `protection_map`; the same in 6.12):
 * - no access at all: P clear and bit 8 set (_PAGE_PROTNONE), not the page-size bit of old texts;
 * - private and writable: read-only until the first write, which makes a copy (PAGE_COPY);
 * - shared and writable: writable at once. A file system that tracks writes still maps it read-only first
 *   (vma_wants_writenotify), so before the first write R/W may be either there;
 * - execution forbidden: NX, if the processor has it (`nxe`).
 *
 * Write or execute without read implies read: x86 cannot forbid it.
 */
export function protectionFromVma(
  access: VmaAccess,
  { nxe = true }: { readonly nxe?: boolean } = {},
): VmaProtection {
  const { read, write, execute, shared } = access;
  if (!read && !write && !execute) {
    return {
      name: 'PAGE_NONE',
      pgprot: _PAGE_ACCESSED | _PAGE_PROTNONE,
      beforeWrite: { set: _PAGE_PROTNONE, cleared: _PAGE_PRESENT | _PAGE_RW | _PAGE_USER },
      afterWrite: undefined,
    };
  }
  const writableNow = write && shared;
  const noExecute = execute || !nxe ? 0n : _PAGE_NX;
  const user = _PAGE_PRESENT | _PAGE_USER;
  const forbidden = noExecute === 0n ? _PAGE_NX : 0n;
  return {
    name: `${write ? (shared ? 'PAGE_SHARED' : 'PAGE_COPY') : 'PAGE_READONLY'}${execute ? '_EXEC' : ''}`,
    pgprot: user | _PAGE_ACCESSED | noExecute | (writableNow ? _PAGE_RW : 0n),
    beforeWrite: {
      set: user | noExecute,
      cleared: forbidden | (writableNow ? 0n : _PAGE_RW),
    },
    afterWrite: write ? { set: user | noExecute | _PAGE_RW | _PAGE_DIRTY, cleared: forbidden } : undefined,
  };
}
