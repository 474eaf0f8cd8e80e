/** A mutant that no spec kills. */
export interface Survivor {
  /**
   * `equivalent`: nothing that the reference guest can do tells it from the driver. `unreached`: a guest could, and no spec does what it would
   * take.
   */
  readonly kind: 'equivalent' | 'unreached';
  readonly why: string;
}

const fourLevels: Survivor = {
  kind: 'equivalent',
  why: 'With four levels, as the guest has, the PGD is folded: pgd_none() and pgd_bad() are constants, and its entry is the P4D entry (asm/pgtable.h, 6.1).',
};
const emptyTable: Survivor = {
  kind: 'unreached',
  why: 'The specs make such a table go, and the entry without an address is followed to physical page 0, where the index in question holds nothing: the same is said.',
};
const gigabyte: Survivor = {
  kind: 'unreached',
  why: 'It takes a huge page of 1 GiB, which is all the memory that the guest has.',
};
const noBadTables: Survivor = {
  kind: 'equivalent',
  why: 'An entry that is there, is no leaf, and is no table either is what the kernel reports as corruption (p?d_bad); it makes none.',
};
const isBad: Survivor = {
  kind: 'equivalent',
  why: 'pud_bad() and pmd_bad(), which are asked next, are true of a leaf: the same is returned and said.',
};
const leafAbsent: Survivor = {
  kind: 'equivalent',
  why: 'A leaf that is not present (a huge page that migrates, or is closed by mprotect) maps no page that is pinned.',
};
const onlyWithMdev: Survivor = {
  kind: 'equivalent',
  why: 'Mappings without an IOMMU are made in a container that has but mediated devices so far; the guest has no driver of such.',
};
const neverFails: Survivor = {
  kind: 'equivalent',
  why: 'It takes a failure of the function: 12 KiB of GFP_KERNEL memory do not fail, and dma->mm is current->mm where it is called.',
};
const faultsOnly: Survivor = {
  kind: 'equivalent',
  why: 'It is of the code that injects faults, which does nothing unless one is set.',
};

/** By title. */
export const survivors: Readonly<Record<string, Survivor>> = {
  'vfio_find_user_table: hole->end = pgd_addr_end(vaddr, end); removed': fourLevels,
  'vfio_find_user_table: hole->entry = pgd_val(*pgd); removed': fourLevels,
  'vfio_find_user_table: pgd_none(*pgd) left out of the condition': fourLevels,
  'vfio_find_user_table: pgd_bad(*pgd) left out of the condition': fourLevels,
  'vfio_find_user_table: return NULL; removed': fourLevels,
  'vfio_find_user_table: hole->end = p4d_addr_end(vaddr, end); removed': fourLevels,
  'vfio_find_user_table: hole->entry = p4d_val(*p4d); removed': fourLevels,
  'vfio_find_user_table: p4d_none(*p4d) left out of the condition': emptyTable,
  'vfio_find_user_table: p4d_bad(*p4d) left out of the condition': noBadTables,
  'vfio_find_user_table: return NULL; removed (2)': emptyTable,
  'vfio_find_user_table: pud_present(pudval) left out of the condition': leafAbsent,
  'vfio_find_user_table: hole->why = "1 GiB leaf"; removed': gigabyte,
  'vfio_find_user_table: return NULL; removed (3)': isBad,
  'vfio_find_user_table: pud_none(pudval) left out of the condition': emptyTable,
  'vfio_find_user_table: pud_bad(pudval) left out of the condition': noBadTables,
  'vfio_find_user_table: return NULL; removed (4)': emptyTable,
  'vfio_find_user_table: pmd_present(pmdval) left out of the condition': leafAbsent,
  'vfio_find_user_table: return NULL; removed (5)': isBad,
  'vfio_find_user_table: pmd_none(pmdval) left out of the condition': {
    kind: 'equivalent',
    why: 'pmd_bad(), which is asked next, is true of an empty entry as well (asm/pgtable.h, 6.1).',
  },
  'vfio_find_user_table: pmd_bad(pmdval) left out of the condition': noBadTables,
  'vfio_clear_user_table: left = found; removed': {
    kind: 'equivalent',
    why: 'Of an entry that is not present, left is not defined then, and gcc takes the register that found is in: the specs see no other value.',
  },
  'vfio_flush_user_tlb: 1 is 0': {
    kind: 'unreached',
    why: 'The flushes of the other CPUs are not waited for. They have long run when the log is written; a vCPU that the host leaves waiting could be late.',
  },
  'vfio_log_cleared: c->found is c->left': {
    kind: 'equivalent',
    why: 'What is cleared is _PAGE_USER: _PAGE_PRESENT, which is looked at, is the same in both.',
  },
  'vfio_log_cleared: c->found is c->left (2)': {
    kind: 'equivalent',
    why: 'Of an entry that is not present nothing is cleared: both are the same.',
  },
  'vfio_log_cleared: continue; removed': faultsOnly,
  'vfio_dma_clear_user: return -EPERM; removed': neverFails,
  'vfio_dma_clear_user: return -ENOMEM; removed': neverFails,
  'vfio_dma_clear_user: 0 is 1': {
    kind: 'equivalent',
    why: 'n is read only where pmd is not NULL, and is written there before.',
  },
  'vfio_dma_clear_user: cond_resched(); removed': {
    kind: 'equivalent',
    why: 'mmap_write_lock(), the next thing that the loop does, may sleep and gives the CPU up as well (might_resched()).',
  },
  'vfio_dma_clear_user: PTRS_PER_PTE is PTRS_PER_PTE / 2': {
    kind: 'unreached',
    why: "It writes up to 4 KiB beyond its memory, into the next object of the allocator's, which nobody uses in these tests. A kernel with KASAN tells.",
  },
  'vfio_dma_do_map: !ret left out of the condition': {
    kind: 'unreached',
    why: 'It reads what was freed, in which the allocator has put a pointer where the faults keep a flag. A kernel with KASAN tells.',
  },
  'vfio_dma_do_map: dma->iommu_mapped left out of the condition': onlyWithMdev,
  'vfio_dma_do_map: vfio_remove_dma(iommu, dma); removed': neverFails,
  'vfio_iommu_replay: !dma->iommu_mapped negated': onlyWithMdev,
  [`vfio_iommu_replay: pr_warn("VFIO: Not clearing _PAGE_USER at vaddr 0x%lx-0x%lx (pinned when a group joined)\\n", dma->vaddr, dma->vaddr + dma->size); removed`]:
    onlyWithMdev,
};
