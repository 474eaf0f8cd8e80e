import { bit } from '../bits.js';

/**
 * Which kernel's software bits to read: '6.1' is Linux 6.1 (the long-term kernel of Debian 12), '6.12' stands for 6.12
 * and later, '6.15' for 6.15 and later. The layout moved in between (6.6 made room for SAVED_DIRTY, 6.15 took one of the kernel's own
 * swap types away), so there is no default.
 */
export type LinuxVersion = '6.1' | '6.12' | '6.15';

/** Which of them reads entries as the kernel of this release (`uname -r`) does; the nearest one, where none does exactly. */
export function linuxVersionOf(release: string): LinuxVersion {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  const isFrom = (wanted: number): boolean => major > 6 || (major === 6 && minor >= wanted);
  return isFrom(15) ? '6.15' : isFrom(6) ? '6.12' : '6.1';
}

/** Bit positions of the software bits that moved or came between the two versions. */
export interface LinuxBitPositions {
  readonly softw4: number;
  /** Not there in 6.1. */
  readonly softw5: number | undefined;
  readonly devmap: number;
  /** Not there in 6.1. */
  readonly savedDirty: number | undefined;
}

/* The same in both versions. */
/** The kernel keeps no struct page for the frame, or must not touch it (SOFTW1). */
export const _PAGE_SPECIAL = bit(9);
/** Write-protected by userfaultfd (SOFTW2). */
export const _PAGE_UFFD_WP = bit(10);
/** Written since the last clear of soft-dirty bits (SOFTW3). */
export const _PAGE_SOFT_DIRTY = bit(11);
/** With _PAGE_PRESENT clear: mapped PROT_NONE, still counted as present by pte_present(). The bit is _PAGE_GLOBAL otherwise. */
export const _PAGE_PROTNONE = bit(8);

/* With _PAGE_PRESENT clear and no _PAGE_PROTNONE: a swap entry (6.1 and 6.12, pgtable_64.h). */
export const _PAGE_SWP_SOFT_DIRTY = bit(1);
export const _PAGE_SWP_UFFD_WP = bit(2);
export const _PAGE_SWP_EXCLUSIVE = bit(3);

/**
 * Where each version keeps what moved.
 * 6.1: arch/x86/include/asm/pgtable_types.h, `_PAGE_BIT_SOFTW4 58`. 6.12: the same file, `_PAGE_BIT_SOFTW4 57`,
 * `_PAGE_BIT_SOFTW5 58`. DEVMAP went away in 6.17; SOFTW4 is free from there on.
 */
export const LINUX_BITS: Readonly<Record<LinuxVersion, LinuxBitPositions>> = {
  '6.1': { softw4: 58, softw5: undefined, devmap: 58, savedDirty: undefined },
  '6.12': { softw4: 57, softw5: 58, devmap: 57, savedDirty: 58 },
  '6.15': { softw4: 57, softw5: 58, devmap: 57, savedDirty: 58 },
};
