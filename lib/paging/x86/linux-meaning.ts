import { bits, hasBit } from '../bits.js';
import type { Level } from '../level.js';
import { PTE_PFN_MASK, _PAGE_PRESENT, _PAGE_PSE } from './bits.js';
import {
  LINUX_BITS,
  _PAGE_PROTNONE,
  _PAGE_SOFT_DIRTY,
  _PAGE_SPECIAL,
  _PAGE_SWP_EXCLUSIVE,
  _PAGE_SWP_SOFT_DIRTY,
  _PAGE_SWP_UFFD_WP,
  _PAGE_UFFD_WP,
  type LinuxVersion,
} from './linux-bits.js';

/** What Linux means by a user-space entry: hardware sees only present or not. */
export type LinuxMeaning = LinuxEmpty | LinuxMapped | LinuxSwap;

/** Never used, or cleared: the next access faults into the VMA's handler. */
export interface LinuxEmpty {
  readonly kernel: LinuxVersion;
  readonly state: 'empty';
}

export interface LinuxMapped {
  readonly kernel: LinuxVersion;
  /**
   * 'present': hardware translates through it. 'prot-none': P is clear and bit 8 set (PROT_NONE, or NUMA balancing),
   * the page is there and pte_present() is true. 'invalidated': a huge entry whose P was cleared while it is split
   * (pmd_present() is still true).
   */
  readonly state: 'present' | 'prot-none' | 'invalidated';
  /**
   * The physical address that Linux reads from the entry. With P clear the stored address bits are inverted, to
   * point L1TF speculation away from memory (arch/x86/include/asm/pgtable-invert.h); this is the true one.
   */
  readonly physicalAddress: bigint;
  readonly special: boolean;
  readonly uffdWp: boolean;
  readonly softDirty: boolean;
  readonly devmap: boolean;
  /** Dirty, kept in a software bit because Write=0,Dirty=1 means shadow stack. Always false in 6.1. */
  readonly savedDirty: boolean;
}

/** Not present and neither of the above: swapped out, or an entry of the kernel's own in the form of one. */
export interface LinuxSwap {
  readonly kernel: LinuxVersion;
  /**
   * 'swap': the page lies in a swap area. 'migration': it is being moved. 'poisoned': the machine found its memory broken. 'device': it lies in
   * a device's memory. 'marker': no page, but something that the kernel must remember of it, such as userfaultfd's write protection.
   * 'unreadable': it could not be read back from its swap area.
   */
  readonly state: 'swap' | SwapKind;
  /** Swap area, or one of the kernel's own types (the highest numbers). */
  readonly swapType: number;
  readonly swapOffset: bigint;
  /** Of the page that a migration, poisoned or device entry is about; undefined for the others. */
  readonly physicalAddress: bigint | undefined;
  readonly softDirty: boolean;
  readonly uffdWp: boolean;
  readonly exclusive: boolean;
}

type SwapKind = 'migration' | 'poisoned' | 'device' | 'marker' | 'unreadable';

/**
 * The kernel's own swap types, from the lowest number to 31 (include/linux/swap.h): those of a kernel that has all of them built in
 * (CONFIG_MEMORY_FAILURE, MIGRATION, DEVICE_PRIVATE, PTE_MARKER), as distributions' have. In another one the lowest are swap areas.
 */
const swapKinds: Readonly<Record<LinuxVersion, Partial<Record<SwapKind, number>>>> = {
  '6.1': { poisoned: 1, migration: 3, device: 4, marker: 1, unreadable: 1 },
  '6.12': { poisoned: 1, migration: 3, device: 4, marker: 1 },
  '6.15': { poisoned: 1, migration: 3, device: 3, marker: 1 },
};

function swapKind(type: number, kernel: LinuxVersion): LinuxSwap['state'] {
  const all = Object.entries(swapKinds[kernel]) as [SwapKind, number][];
  const kinds = all.flatMap(([kind, count]) => Array.from({ length: count }, () => kind));
  return kinds[type - (32 - kinds.length)] ?? 'swap';
}

/** Reads an entry as the given Linux does. Total: every 64-bit value has a meaning. */
export function linuxMeaning(raw: bigint, level: Level, kernel: LinuxVersion): LinuxMeaning {
  if (raw === 0n) return { kernel, state: 'empty' };
  const present = (raw & _PAGE_PRESENT) !== 0n;
  const protNone = !present && (raw & _PAGE_PROTNONE) !== 0n;
  // Swap entries keep bit 7 clear for exactly this test (pmd_present() in pgtable.h).
  const invalidated = !present && !protNone && level > 1 && (raw & _PAGE_PSE) !== 0n;
  if (!present && !protNone && !invalidated) return linuxSwap(raw, kernel);

  const { devmap, savedDirty } = LINUX_BITS[kernel];
  const stored = present ? raw : ~raw;
  const alignment = level === 1 || (raw & _PAGE_PSE) === 0n ? 0n : bits(11 + 9 * (level - 1), 12);
  return {
    kernel,
    state: present ? 'present' : protNone ? 'prot-none' : 'invalidated',
    physicalAddress: stored & PTE_PFN_MASK & ~alignment,
    special: (raw & _PAGE_SPECIAL) !== 0n,
    uffdWp: (raw & _PAGE_UFFD_WP) !== 0n,
    softDirty: (raw & _PAGE_SOFT_DIRTY) !== 0n,
    devmap: hasBit(raw, devmap),
    savedDirty: savedDirty !== undefined && hasBit(raw, savedDirty),
  };
}

/** Swap entries: type in 63:59, offset inverted in 58:9 (arch/x86/include/asm/pgtable_64.h, the same in 6.1 and 6.12). */
function linuxSwap(raw: bigint, kernel: LinuxVersion): LinuxSwap {
  const swapType = Number(raw >> 59n);
  const swapOffset = (~raw & bits(58, 9)) >> 9n;
  const state = swapKind(swapType, kernel);
  const isOfPage = state === 'migration' || state === 'poisoned' || state === 'device';
  return {
    kernel,
    state,
    swapType,
    swapOffset,
    // SWP_PFN_BITS of include/linux/swapops.h; above them a migration entry keeps A and D.
    physicalAddress: isOfPage ? (swapOffset & bits(39, 0)) << 12n : undefined,
    softDirty: (raw & _PAGE_SWP_SOFT_DIRTY) !== 0n,
    uffdWp: (raw & _PAGE_SWP_UFFD_WP) !== 0n,
    exclusive: (raw & _PAGE_SWP_EXCLUSIVE) !== 0n,
  };
}
