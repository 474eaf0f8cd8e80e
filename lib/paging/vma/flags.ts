/**
 * A range of kernel versions: one from which the flag is known at this bit (the first one, where it took over another's
 * bit), and the last one (undefined: it is still there).
 */
export interface KernelRange {
  readonly since: string;
  readonly until: string | undefined;
}

/** One flag of `vm_area_struct.vm_flags` (include/linux/mm.h), as x86-64 has it. */
export interface VmaFlag {
  readonly name: string;
  /** Two letters in the VmFlags line of /proc/PID/smaps; undefined if it has none. */
  readonly letters: string | undefined;
  readonly meaning: string;
  /** Bit position in each span of kernels; several where the bit moved. */
  readonly bits: readonly (KernelRange & { readonly bit: number })[];
}

/** Before 3.0 versions are written 2.6.N; `always` is older than anything this project meets. */
const ALWAYS = '2.6.12';

function still(
  name: string,
  letters: string | undefined,
  bit: number,
  meaning: string,
  since = ALWAYS,
): VmaFlag {
  return { name, letters, meaning, bits: [{ bit, since, until: undefined }] };
}

function removed(
  name: string,
  letters: string | undefined,
  bit: number,
  meaning: string,
  until: string,
): VmaFlag {
  return { name, letters, meaning, bits: [{ bit, since: ALWAYS, until }] };
}

function moved(name: string, letters: string, meaning: string, bits: VmaFlag['bits']): VmaFlag {
  return { name, letters, meaning, bits };
}

/**
 * Every flag that smaps can show on x86-64, and those that older texts name and that are gone: the bits of the latter
 * were given to others (0x400 was VM_SHM and is VM_PFNMAP), so a number means nothing without its kernel.
 * Sources: include/linux/mm.h and fs/proc/task_mmu.c of 6.1; for the removed ones the release that dropped them. Bits are
 * known up to 6.12 (VM_UFFD_MINOR and VM_SEALED moved again after that); letters do not move.
 */
export const VMA_FLAGS: readonly VmaFlag[] = [
  still('VM_READ', 'rd', 0, 'pages may be read'),
  still('VM_WRITE', 'wr', 1, 'pages may be written'),
  still('VM_EXEC', 'ex', 2, 'pages may be executed'),
  still('VM_SHARED', 'sh', 3, 'writes are seen by all who map it'),
  still('VM_MAYREAD', 'mr', 4, 'mprotect may set VM_READ'),
  still('VM_MAYWRITE', 'mw', 5, 'mprotect may set VM_WRITE'),
  still('VM_MAYEXEC', 'me', 6, 'mprotect may set VM_EXEC'),
  still('VM_MAYSHARE', 'ms', 7, 'the mapping was made shared'),
  still('VM_GROWSDOWN', 'gd', 8, 'a stack: grows towards lower addresses'),
  removed('VM_GROWSUP', undefined, 9, 'grows towards higher addresses (never used on x86)', '2.6.37'),
  still('VM_UFFD_MISSING', 'um', 9, 'userfaultfd sees missing pages', '4.3'),
  removed('VM_SHM', undefined, 10, 'System V shared memory', '2.6.14'),
  still('VM_PFNMAP', 'pf', 10, 'bare frames without struct page', '2.6.15'),
  removed('VM_DENYWRITE', 'dw', 11, 'the mapped file must not be opened for writing', '5.14'),
  removed('VM_EXECUTABLE', undefined, 12, 'maps the program that the process runs', '3.6'),
  still('VM_UFFD_WP', 'uw', 12, 'userfaultfd sees writes to write-protected pages', '4.3'),
  still('VM_LOCKED', 'lo', 13, 'pages are locked in memory'),
  still('VM_IO', 'io', 14, 'device memory'),
  still('VM_SEQ_READ', 'sr', 15, 'madvise: read in sequence'),
  still('VM_RAND_READ', 'rr', 16, 'madvise: read at random'),
  still('VM_DONTCOPY', 'dc', 17, 'not inherited by a forked child'),
  still('VM_DONTEXPAND', 'de', 18, 'mremap must not enlarge it'),
  removed('VM_RESERVED', undefined, 19, 'pages must not be swapped out', '3.6'),
  still('VM_LOCKONFAULT', 'lf', 19, 'pages are locked once they are touched (smaps of 6.1 prints ??)', '4.4'),
  still('VM_ACCOUNT', 'ac', 20, 'counts against the commit limit'),
  still('VM_NORESERVE', 'nr', 21, 'does not count against the commit limit', '2.6.27'),
  still('VM_HUGETLB', 'ht', 22, 'hugetlb pages'),
  removed('VM_NONLINEAR', 'nl', 23, 'remap_file_pages: pages in any order', '3.19'),
  still('VM_SYNC', 'sf', 23, 'synchronous page faults (DAX)', '4.15'),
  still('VM_ARCH_1', 'ar', 24, 'VM_PAT on x86: PAT reserved for the whole area', '3.7'),
  still('VM_WIPEONFORK', 'wf', 25, 'a forked child sees zeroes', '4.14'),
  still('VM_DONTDUMP', 'dd', 26, 'left out of core dumps', '3.7'),
  still('VM_SOFTDIRTY', 'sd', 27, 'new since soft-dirty bits were cleared', '3.12'),
  still('VM_MIXEDMAP', 'mm', 28, 'both bare frames and pages', '2.6.26'),
  moved('VM_HUGEPAGE', 'hg', 'madvise: transparent huge pages wanted', [
    { bit: 24, since: '2.6.38', until: '3.6' },
    { bit: 29, since: '3.7', until: undefined },
  ]),
  moved('VM_NOHUGEPAGE', 'nh', 'madvise: no transparent huge pages', [
    { bit: 9, since: '2.6.38', until: '3.6' },
    { bit: 30, since: '3.7', until: undefined },
  ]),
  still('VM_MERGEABLE', 'mg', 31, 'madvise: KSM may merge pages', '2.6.32'),
  moved('VM_UFFD_MINOR', 'ui', 'userfaultfd sees minor faults', [
    { bit: 37, since: '5.13', until: '6.5' },
    { bit: 38, since: '6.6', until: undefined },
  ]),
  still('VM_SHADOW_STACK', 'ss', 37, 'a shadow stack', '6.6'),
  still('VM_SEALED', 'sl', 63, 'mseal: can be neither unmapped nor changed', '6.10'),
  still('VM_DROPPABLE', 'dp', 40, 'pages may be dropped under memory pressure', '6.11'),
];
