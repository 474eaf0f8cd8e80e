import { bit } from '../bits.js';
import type { Change } from '../diff/result.js';
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_PAT_LARGE,
  _PAGE_PSE,
  _PAGE_RW,
  _PAGE_USER,
  PTE_PFN_MASK,
} from '../x86/bits.js';
import { _PAGE_SOFT_DIRTY, _PAGE_SPECIAL, _PAGE_UFFD_WP } from '../x86/linux-bits.js';

/*
 * What pinning a page for DMA (pin_user_pages_remote() with FOLL_LONGTERM) rightly changes in the present entry that maps it. Read in
 * Linux 6.1, mm/gup.c (faultin_page, gup_must_unshare), mm/memory.c (do_wp_page, wp_page_reuse, wp_page_copy),
 * mm/huge_memory.c (do_huge_pmd_wp_page, __split_huge_pmd_locked), mm/migrate.c (remove_migration_pte).
 *
 * | page                                                  | pinned for writing                      | pinned for reading                     |
 * |-------------------------------------------------------|-----------------------------------------|----------------------------------------|
 * | writable entry: written anonymous memory, memfd,      | as it was                               | as it was                              |
 * | shared memory, hugetlb                                |                                         |                                        |
 * | not writable, the process's own: mprotected and back, | same frame; W, A, D, soft-dirty set     | as it was                              |
 * | clear_refs, the last one after a fork, shared file    |                                         |                                        |
 * | not writable, of several: forked, KSM                 | a copy, in another frame; the same bits | a copy; W stays clear, D goes          |
 * | zero page, private file page that was only read       | the same, and SPECIAL goes              | as it was; from 6.2 on a copy          |
 * | huge zero page, huge page shared by a fork            | split, then as the small ones           | split, then as the small ones          |
 * | not present: never touched, swapped out, NUMA hint    | whatever the fault brings               | whatever the fault brings              |
 *
 * Aside from that the kernel may give any page that is not pinned yet another frame, with the same contents, at any time: out of
 * ZONE_MOVABLE and CMA before a long-term pin, by compaction, by khugepaged, by KSM. So a frame alone proves nothing: that it is the
 * one that the IOMMU was given, and that it holds what the old one held, does.
 */

/** `pte_mksaveddirty()` keeps D here while W is clear (6.6 and later, SOFTW5). In 6.1 it is DEVMAP, which a pinned page does not lose. */
const savedDirty = bit(58);
/** PS against PAT: the size is compared apart. */
const sizeBits = _PAGE_PSE | _PAGE_PAT_LARGE;
const writeFault = _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY;

export interface PinOptions {
  /** The pin was for writing: the device may write. */
  readonly write: boolean;
  /** The leaf is of another level than before: a huge page was split, or made. */
  readonly resized?: boolean;
}

/** What became of a page's leaf while it was pinned. */
export interface PinEffect {
  /** Bits that are not as pinning can have left them. The frame's are not among them. */
  readonly wrong: bigint;
  /** It has another frame. */
  readonly moved: boolean;
}

/**
 * Judges a leaf after a pin by the present leaf before it.
 *
 * @param after without what else was done to it: a driver that clears `_PAGE_USER` after the pin is to be judged with that bit as it was
 */
export function effectOfPin(
  before: bigint,
  after: bigint,
  { write, resized = false }: PinOptions,
): PinEffect {
  const moved = resized || ((before ^ after) & PTE_PFN_MASK) !== 0n;
  const isFault = write && (before & _PAGE_RW) === 0n;
  // The CPU sets A and D. Soft-dirty comes with D (pte_mkdirty()).
  let maySet = _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_SOFT_DIRTY;
  let mayClear = 0n;
  if (isFault) {
    maySet |= _PAGE_RW;
    mayClear |= _PAGE_UFFD_WP | savedDirty;
  }
  if (moved) {
    // Made anew from the area's protection, which has _PAGE_USER; or by way of a migration entry, which may forget A and D.
    maySet |= _PAGE_USER;
    mayClear |= _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_SPECIAL | savedDirty;
    // Merged by KSM meanwhile: made anew without soft-dirty (replace_page(), mm/ksm.c).
    if (!write) mayClear |= _PAGE_RW | _PAGE_SOFT_DIRTY;
  }
  // The huge zero page is split into small ones.
  if (resized) maySet |= _PAGE_SPECIAL;
  const changed = (before ^ after) & ~PTE_PFN_MASK & ~(resized ? sizeBits : 0n);
  const odd = changed & ~((after & maySet) | (before & mayClear));
  const missing = (write ? _PAGE_RW : 0n) | (isFault ? writeFault : 0n);
  return { wrong: odd | (missing & ~after), moved };
}

/**
 * Whether a change of a stretch of addresses is one that the kernel makes rightly while pages are pinned, in the pages themselves or, as it
 * may at any time, in others. That something was unmapped is not, nor that something is there which user mode cannot reach.
 */
export function isRightWhilePinning(change: Omit<Change, 'start' | 'end' | 'pages' | 'names'>): boolean {
  const { kind, before, after, set, cleared, moved, resized, rightsChanged } = change;
  if (after === undefined) return false;
  if (kind === 'mapped' || before === undefined) return (after.raw & _PAGE_USER) !== 0n;
  // An entry of a level above took something from all that is below it. The kernel keeps rights in leaves alone.
  if (rightsChanged && !moved && !resized && (set | cleared) === 0n) return false;
  // KSM makes clean and read-only what it may merge (write_protect_page(), mm/ksm.c), and leaves it so.
  const isProtected = (cleared & (_PAGE_RW | _PAGE_DIRTY)) === (_PAGE_RW | _PAGE_DIRTY);
  if (isProtected && !resized && (set | (cleared & ~(_PAGE_RW | _PAGE_DIRTY | _PAGE_ACCESSED))) === 0n)
    return true;
  // Aging clears A.
  const isRight = (asPinned: boolean): boolean =>
    (effectOfPin(before.raw, after.raw, { write: asPinned, resized }).wrong &
      ~(_PAGE_ACCESSED | _PAGE_DIRTY)) ===
    0n;
  return isRight(false) || isRight(true);
}
