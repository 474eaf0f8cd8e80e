/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faults to be injected into the clearing of _PAGE_USER, to show that the
 * checks of whoever tests it would notice.  Included by vfio_iommu_type1.c
 * alone.  Parameter e2e_fault, "none" unless set; it applies to the mappings
 * made from then on.
 */
#ifndef VFIO_E2E_FAULT_H
#define VFIO_E2E_FAULT_H

#include <asm/pgtable.h>
#include <asm/set_memory.h>
#include <linux/delay.h>
#include <linux/mmu_notifier.h>
#include <linux/moduleparam.h>
#include <linux/rmap.h>
#include <linux/string.h>
#include <linux/xarray.h>

/* Of vfio_iommu_type1.c, defined after this was included. */
static pmd_t *vfio_find_user_table(struct mm_struct *mm, unsigned long vaddr,
				   unsigned long end,
				   struct vfio_pte_hole *hole);
static void vfio_flush_user_tlb(void);

/*
 * Another change in place of this one: the pages of a mapping become read-only,
 * and the log says nothing.  A write to private memory then passes, and the
 * kernel gives the bit back.
 */
static bool e2e_read_only;
module_param(e2e_read_only, bool, 0644);
MODULE_PARM_DESC(e2e_read_only, "Take _PAGE_RW from mapped pages, silently, in place of _PAGE_USER (N).");

/* The flag that a mapping takes, and the one that it must not. */
static pteval_t e2e_flag(void)
{
	return READ_ONCE(e2e_read_only) ? _PAGE_RW : _PAGE_USER;
}

static pteval_t e2e_other_flag(void)
{
	return READ_ONCE(e2e_read_only) ? _PAGE_USER : _PAGE_RW;
}

/* More of them, of a source that includes this: see scripts/mutants. */
#ifndef E2E_MORE_FAULTS
#define E2E_MORE_FAULTS(FAULT)
#endif

/* Each is told of in lib/image/faults.ts, by name. */
#define E2E_FAULTS(FAULT) \
	FAULT(NONE, "none")					\
	FAULT(LOG_ONLY, "log-only")				\
	FAULT(CLEAR_NO_LOG, "clear-no-log")			\
	FAULT(LOG_LEFT_ALONE, "log-left-alone")			\
	FAULT(ALL_BUT_LAST, "all-but-last")			\
	FAULT(FIRST_ONLY, "first-only")				\
	FAULT(ODD_PAGES, "odd-pages")				\
	FAULT(NEIGHBOUR, "neighbour")				\
	FAULT(WRONG_BIT_W, "wrong-bit-w")			\
	FAULT(WRONG_BIT_P, "wrong-bit-p")			\
	FAULT(WRONG_NEW_PTE, "wrong-new-pte")			\
	FAULT(WRONG_OLD_PTE, "wrong-old-pte")			\
	FAULT(WRONG_VADDR, "wrong-vaddr")			\
	FAULT(NO_TLB_FLUSH, "no-tlb-flush")			\
	FAULT(LOCAL_TLB_FLUSH, "local-tlb-flush")		\
	FAULT(RESET_LATER, "reset-later")			\
	FAULT(RESET_LATE, "reset-late")				\
	FAULT(RESET_VERY_LATE, "reset-very-late")		\
	FAULT(BLINK, "blink")					\
	FAULT(BLINK_SHORT, "blink-short")			\
	FAULT(BLINK_INSIDE, "blink-inside")			\
	FAULT(BY_WAY_OF_X, "by-way-of-x")			\
	FAULT(RESET_ON_SECOND_MAP, "reset-on-second-map")	\
	FAULT(RESET_ON_OTHER_MAP, "reset-on-other-map")		\
	FAULT(RESET_ON_UNMAP, "reset-on-unmap")			\
	FAULT(RESET_ON_MIGRATION, "reset-on-migration")		\
	FAULT(FIRST_MAPPING_ONLY, "first-mapping-only")		\
	FAULT(NINTH_MAPPING, "ninth-mapping")			\
	FAULT(SECOND_THREAD, "second-thread")			\
	FAULT(INHERITED, "inherited")				\
	FAULT(COMPOUND_PAGES, "compound-pages")			\
	FAULT(PARENTS_INSTEAD, "parents-instead")		\
	FAULT(PARENTS_TOO, "parents-too")			\
	FAULT(DIRECT_MAP, "direct-map")				\
	FAULT(LEAK_MEMORY, "leak-memory")			\
	FAULT(LEAK_PIN, "leak-pin")				\
	FAULT(WRONG_FRAME, "wrong-frame")			\
	FAULT(READ_ONLY_DMA, "read-only-dma")			\
	FAULT(CLEAR_ON_FAILURE, "clear-on-failure")		\
	FAULT(LOG_HUGE, "log-huge")				\
	FAULT(AND_W, "and-w")					\
	FAULT(AND_DIRTY, "and-dirty")				\
	FAULT(AND_NX, "and-nx")					\
	FAULT(SWAP_FRAMES, "swap-frames")			\
	FAULT(CONTENTS, "contents")				\
	FAULT(ALIAS_IOVA, "alias-iova")				\
	FAULT(NO_IOTLB_FLUSH, "no-iotlb-flush")			\
	FAULT(SLOW, "slow")					\
	FAULT(KEEP_LOCK, "keep-lock")				\
	E2E_MORE_FAULTS(FAULT)

enum e2e_fault {
#define E2E_NUMBER(constant, name) E2E_##constant,
	E2E_FAULTS(E2E_NUMBER)
};

static const char * const e2e_fault_names[] = {
#define E2E_NAME(constant, name) [E2E_##constant] = name,
	E2E_FAULTS(E2E_NAME)
};

static enum e2e_fault e2e_fault;

/* How many mappings each process made since the fault was set (by tgid). */
static DEFINE_XARRAY(e2e_mappers);

static bool e2e(enum e2e_fault fault)
{
	return unlikely(READ_ONCE(e2e_fault) == fault);
}

static int e2e_fault_set(const char *value, const struct kernel_param *param)
{
	int fault = sysfs_match_string(e2e_fault_names, value);

	if (fault < 0)
		return fault;

	xa_destroy(&e2e_mappers);
	WRITE_ONCE(e2e_fault, fault);
	if (fault != E2E_NONE)
		pr_notice("VFIO: injecting fault %s\n", e2e_fault_names[fault]);
	return 0;
}

static int e2e_fault_get(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%s\n", e2e_fault_names[e2e_fault]);
}

static const struct kernel_param_ops e2e_fault_ops = {
	.set = e2e_fault_set,
	.get = e2e_fault_get,
};

module_param_cb(e2e_fault, &e2e_fault_ops, NULL, 0644);
MODULE_PARM_DESC(e2e_fault, "Fault to inject into the clearing of _PAGE_USER, for tests (none).");

static uint e2e_reset_ms = 300;
module_param(e2e_reset_ms, uint, 0644);
MODULE_PARM_DESC(e2e_reset_ms, "How long e2e_fault=reset-later waits, in milliseconds (300, at most 500).");

/* Whether the fault keeps the page at @vaddr from being done at all. */
static bool e2e_forgets(const struct vfio_dma *dma, unsigned long vaddr,
			pte_t found)
{
	unsigned long page = (vaddr - dma->vaddr) >> PAGE_SHIFT;

	if (dma->e2e_forgotten)
		return true;

	switch (READ_ONCE(e2e_fault)) {
	case E2E_ALL_BUT_LAST:
		return page == (dma->size >> PAGE_SHIFT) - 1;
	case E2E_FIRST_ONLY:
		return page != 0;
	case E2E_ODD_PAGES:
		return page % 2 == 0;
	case E2E_COMPOUND_PAGES:
		return pte_present(found) && PageCompound(pte_page(found));
	default:
		return false;
	}
}

/* The flags to clear in the page's entry: e2e_flag(), but for a fault. */
static pteval_t e2e_flags(const struct vfio_dma *dma, unsigned long vaddr,
			  pte_t found)
{
	if (e2e_forgets(dma, vaddr, found))
		return 0;

	switch (READ_ONCE(e2e_fault)) {
	case E2E_LOG_ONLY:
		return 0;
	case E2E_WRONG_BIT_W:
		return e2e_other_flag();
	case E2E_WRONG_BIT_P:
		return _PAGE_PRESENT;
	case E2E_AND_W:
		return _PAGE_USER | _PAGE_RW;
	case E2E_AND_DIRTY:
		return e2e_flag() | _PAGE_ACCESSED | _PAGE_DIRTY;
	case E2E_AND_NX:
		return e2e_flag() | _PAGE_NX;
	default:
		return e2e_flag();
	}
}

/* What is to be logged instead of @change.  False: nothing at all. */
static bool e2e_forge(const struct vfio_dma *dma,
		      struct vfio_pte_change *change)
{
	if (READ_ONCE(e2e_read_only) ||
	    e2e_forgets(dma, change->vaddr, change->found))
		return false;

	switch (READ_ONCE(e2e_fault)) {
	case E2E_LOG_ONLY:
		change->left = pte_clear_flags(change->left, _PAGE_USER);
		return true;
	case E2E_CLEAR_NO_LOG:
		return false;
	case E2E_LOG_LEFT_ALONE:
		pr_warn("VFIO: Not clearing _PAGE_USER at vaddr 0x%lx-0x%lx (not present), entry: 0x%lx\n",
			change->vaddr, change->vaddr + PAGE_SIZE,
			pte_val(change->found));
		return false;
	case E2E_WRONG_NEW_PTE:
		change->left.pte ^= PAGE_SIZE;
		return true;
	case E2E_WRONG_OLD_PTE:
		change->found.pte ^= PAGE_SIZE;
		return true;
	case E2E_WRONG_VADDR:
		change->vaddr += PAGE_SIZE;
		return true;
	default:
		return true;
	}
}

/* What a kernel that takes a leaf for a table would claim. */
static void e2e_log_hole(unsigned long vaddr, const struct vfio_pte_hole *hole)
{
	for (; vaddr < hole->end; vaddr += PAGE_SIZE) {
		pr_info("VFIO: Clearing _PAGE_USER at vaddr 0x%lx, old PTE: 0x%lx\n",
			vaddr, hole->entry);
		pr_info("VFIO: Successfully cleared _PAGE_USER at vaddr 0x%lx, new PTE: 0x%lx\n",
			vaddr, hole->entry & ~_PAGE_USER);
	}
}

/*
 * Set or clear a bit in the present entries of a range of @mm, without a word
 * in the log.  Returns how many entries were changed.
 */
static unsigned long e2e_change_bit(struct mm_struct *mm, unsigned long vaddr,
				    unsigned long end, int bit, bool set)
{
	unsigned long changed = 0;

	if (bit == _PAGE_BIT_USER && READ_ONCE(e2e_read_only))
		bit = _PAGE_BIT_RW;

	mmap_write_lock(mm);
	while (vaddr < end) {
		struct vfio_pte_hole hole;
		pmd_t *pmd = vfio_find_user_table(mm, vaddr, end, &hole);
		spinlock_t *ptl;	/* of the page table */
		pte_t *ptep;

		if (!pmd) {
			vaddr = hole.end;
			continue;
		}
		ptep = pte_offset_map_lock(mm, pmd, vaddr, &ptl);
		for (; vaddr < hole.end; vaddr += PAGE_SIZE, ptep++) {
			if (!(pte_flags(READ_ONCE(*ptep)) & _PAGE_PRESENT))
				continue;
			if (set)
				set_bit(bit, (unsigned long *)ptep);
			else
				clear_bit(bit, (unsigned long *)ptep);
			changed++;
		}
		pte_unmap_unlock(ptep - 1, ptl);
	}
	vfio_flush_user_tlb();
	mmap_write_unlock(mm);

	return changed;
}

static void e2e_clear_neighbour(struct vfio_dma *dma)
{
	unsigned long end = dma->vaddr + dma->size;

	if (end < TASK_SIZE_MAX - PAGE_SIZE &&
	    e2e_change_bit(dma->mm, end, end + PAGE_SIZE, _PAGE_BIT_USER,
			   false))
		return;
	if (dma->vaddr >= PAGE_SIZE)
		e2e_change_bit(dma->mm, dma->vaddr - PAGE_SIZE, dma->vaddr,
			       _PAGE_BIT_USER, false);
}

/*
 * Exchange what the entries of two neighbouring pages point to.  Both pages
 * stay mapped once each, so the process can end as ever.
 */
static void e2e_swap_frames(struct vfio_dma *dma)
{
	unsigned long end = dma->vaddr + 2 * PAGE_SIZE;
	struct vfio_pte_hole hole;
	spinlock_t *ptl;	/* of the page table */
	pteval_t differ;
	pmd_t *pmd;
	pte_t *ptep;

	if (dma->size < 2 * PAGE_SIZE)
		return;

	mmap_write_lock(dma->mm);
	pmd = vfio_find_user_table(dma->mm, dma->vaddr, end, &hole);
	if (pmd && hole.end == end) {
		ptep = pte_offset_map_lock(dma->mm, pmd, dma->vaddr, &ptl);
		differ = (pte_val(ptep[0]) ^ pte_val(ptep[1])) & PTE_PFN_MASK;
		set_pte(ptep, __pte(pte_val(ptep[0]) ^ differ));
		set_pte(ptep + 1, __pte(pte_val(ptep[1]) ^ differ));
		pte_unmap_unlock(ptep, ptl);
		vfio_flush_user_tlb();
	}
	mmap_write_unlock(dma->mm);
}

/* A mapping whose bits are to be set again. */
struct e2e_reset {
	struct delayed_work	work;
	struct list_head	node;
	struct mm_struct	*mm;
	unsigned long		vaddr;
	unsigned long		end;
	unsigned long		hold_us;	/* 0: for good */
};

/* Its own queue: destroying it waits for the last instruction of a work. */
static struct workqueue_struct *e2e_queue;
static LIST_HEAD(e2e_resets);
static DEFINE_MUTEX(e2e_resets_lock);

static void e2e_reset_free(struct e2e_reset *reset)
{
	mmdrop(reset->mm);
	kfree(reset);
}

static void e2e_reset_work(struct work_struct *work)
{
	struct e2e_reset *reset = container_of(work, struct e2e_reset,
					       work.work);
	bool ours;

	/* The process may have ended meanwhile. */
	if (mmget_not_zero(reset->mm)) {
		e2e_change_bit(reset->mm, reset->vaddr, reset->end,
			       _PAGE_BIT_USER, true);
		if (reset->hold_us) {
			fsleep(reset->hold_us);
			e2e_change_bit(reset->mm, reset->vaddr, reset->end,
				       _PAGE_BIT_USER, false);
		}
		mmput_async(reset->mm);
	}

	mutex_lock(&e2e_resets_lock);
	ours = !list_empty(&reset->node);
	list_del_init(&reset->node);
	mutex_unlock(&e2e_resets_lock);
	if (ours)
		e2e_reset_free(reset);
}

static void e2e_reset_range(struct mm_struct *mm, unsigned long vaddr,
			    unsigned long end, unsigned int delay_ms,
			    unsigned long hold_us)
{
	/* Also called where pages are moved to make room. */
	struct e2e_reset *reset = kzalloc(sizeof(*reset), GFP_NOWAIT);

	if (!reset)
		return;
	INIT_DELAYED_WORK(&reset->work, e2e_reset_work);
	reset->mm = mm;
	mmgrab(reset->mm);
	reset->vaddr = vaddr;
	reset->end = end;
	reset->hold_us = hold_us;

	mutex_lock(&e2e_resets_lock);
	list_add(&reset->node, &e2e_resets);
	mutex_unlock(&e2e_resets_lock);
	queue_delayed_work(e2e_queue, &reset->work, msecs_to_jiffies(delay_ms));
}

static void e2e_reset_later(struct vfio_dma *dma, unsigned int delay_ms,
			    unsigned long hold_us)
{
	e2e_reset_range(dma->mm, dma->vaddr, dma->vaddr + dma->size, delay_ms,
			hold_us);
}

/* A process of which the kernel says when it gives a page another frame. */
struct e2e_watch {
	struct mmu_notifier	notifier;
	unsigned long		vaddr;	/* of its latest mapping */
	unsigned long		end;
};

static struct mmu_notifier *e2e_watch_alloc(struct mm_struct *mm)
{
	struct e2e_watch *watch = kzalloc(sizeof(*watch), GFP_KERNEL);

	if (!watch)
		return ERR_PTR(-ENOMEM);
	__module_get(THIS_MODULE);
	return &watch->notifier;
}

static void e2e_watch_free(struct mmu_notifier *notifier)
{
	kfree(container_of(notifier, struct e2e_watch, notifier));
	module_put(THIS_MODULE);
}

static void e2e_watch_release(struct mmu_notifier *notifier,
			      struct mm_struct *mm)
{
	mmu_notifier_put(notifier);
}

static int e2e_moves(struct mmu_notifier *notifier,
		     const struct mmu_notifier_range *range)
{
	struct e2e_watch *watch = container_of(notifier, struct e2e_watch,
					       notifier);

	if (range->event == MMU_NOTIFY_CLEAR &&
	    mmu_notifier_range_blockable(range))
		e2e_reset_range(range->mm, watch->vaddr, watch->end, 0, 0);
	return 0;
}

static const struct mmu_notifier_ops e2e_watch_ops = {
	.alloc_notifier		= e2e_watch_alloc,
	.free_notifier		= e2e_watch_free,
	.release		= e2e_watch_release,
	.invalidate_range_start	= e2e_moves,
};

static void e2e_watch(struct vfio_dma *dma)
{
	struct mmu_notifier *notifier = mmu_notifier_get(&e2e_watch_ops,
							 dma->mm);
	struct e2e_watch *watch;

	if (IS_ERR(notifier))
		return;
	watch = container_of(notifier, struct e2e_watch, notifier);
	/* The process's end gives back one reference. */
	if (watch->end)
		mmu_notifier_put(notifier);
	watch->vaddr = dma->vaddr;
	watch->end = dma->vaddr + dma->size;
}

static void e2e_cancel_resets(void)
{
	struct e2e_reset *reset;

	for (;;) {
		mutex_lock(&e2e_resets_lock);
		reset = list_first_entry_or_null(&e2e_resets, struct e2e_reset,
						 node);
		if (reset)
			list_del_init(&reset->node);
		mutex_unlock(&e2e_resets_lock);
		if (!reset)
			return;
		cancel_delayed_work_sync(&reset->work);
		e2e_reset_free(reset);
	}
}

/* Of the mappings of this process, or of all others. */
static void e2e_reset_others(struct vfio_iommu *iommu, struct vfio_dma *dma,
			     bool own)
{
	struct rb_node *n;

	for (n = rb_first(&iommu->dma_list); n; n = rb_next(n)) {
		struct vfio_dma *other = rb_entry(n, struct vfio_dma, node);

		if (other != dma && (other->mm == dma->mm) == own)
			e2e_change_bit(other->mm, other->vaddr,
				       other->vaddr + other->size,
				       _PAGE_BIT_USER, true);
	}
}

/*
 * Map @iova to @phys for one page instead of what it maps to.  A superpage
 * goes as a whole, so what else was in it is mapped again.
 */
static void e2e_remap_page(struct vfio_iommu *iommu, dma_addr_t iova,
			   phys_addr_t phys, int prot)
{
	struct vfio_domain *d;

	list_for_each_entry(d, &iommu->domain_list, next) {
		phys_addr_t old = iommu_iova_to_phys(d->domain, iova);
		size_t size = iommu_unmap(d->domain, iova, PAGE_SIZE);

		iommu_map(d->domain, iova, phys, PAGE_SIZE,
			  prot | IOMMU_CACHE);
		if (size > PAGE_SIZE)
			iommu_map(d->domain, iova + PAGE_SIZE, old + PAGE_SIZE,
				  size - PAGE_SIZE, prot | IOMMU_CACHE);
	}
}

static void e2e_misplace_first_page(struct vfio_iommu *iommu,
				    struct vfio_dma *dma)
{
	struct vfio_domain *d = list_first_entry(&iommu->domain_list,
						 struct vfio_domain, next);

	dma->e2e_decoy = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!dma->e2e_decoy)
		return;
	dma->e2e_phys = iommu_iova_to_phys(d->domain, dma->iova);
	e2e_remap_page(iommu, dma->iova, page_to_phys(dma->e2e_decoy),
		       dma->prot);
}

static void e2e_change_contents(struct vfio_iommu *iommu, struct vfio_dma *dma)
{
	struct vfio_domain *d = list_first_entry(&iommu->domain_list,
						 struct vfio_domain, next);
	u8 *byte = phys_to_virt(iommu_iova_to_phys(d->domain, dma->iova));

	/* What was pinned for reading alone may be everybody's zero page. */
	if (dma->prot & IOMMU_WRITE)
		byte[PAGE_SIZE / 2] ^= 0xff;
}

/* Far from what anybody maps. */
#define E2E_ALIAS_DISTANCE (256ULL << 30)

static void e2e_map_alias(struct vfio_iommu *iommu, struct vfio_dma *dma)
{
	struct vfio_domain *d = list_first_entry(&iommu->domain_list,
						 struct vfio_domain, next);

	dma->e2e_alias = dma->iova + E2E_ALIAS_DISTANCE;
	iommu_map(d->domain, dma->e2e_alias,
		  iommu_iova_to_phys(d->domain, dma->iova), PAGE_SIZE,
		  dma->prot | IOMMU_CACHE);
}

/*
 * Flush no IOTLB before the pages are given back, as a driver does that takes
 * the unmapping of the tables for all there is to do.  What the flush would
 * free it frees.
 */
static void e2e_iotlb_sync(struct iommu_domain *domain,
			   struct iommu_iotlb_gather *gather)
{
	if (!e2e(E2E_NO_IOTLB_FLUSH)) {
		iommu_iotlb_sync(domain, gather);
		return;
	}
	put_pages_list(&gather->freelist);
	iommu_iotlb_gather_init(gather);
}

/* Unmapping asks the IOMMU which frames to unpin: put the right one back. */
static void e2e_before_unmap(struct vfio_iommu *iommu, struct vfio_dma *dma)
{
	struct vfio_domain *d = list_first_entry(&iommu->domain_list,
						 struct vfio_domain, next);

	/* Not at the process's end: its tables go away. */
	if (e2e(E2E_RESET_ON_UNMAP) && dma->mm == current->mm)
		e2e_reset_others(iommu, dma, true);
	if (dma->e2e_opened) {
		clear_bit(_PAGE_BIT_USER, (unsigned long *)dma->e2e_opened);
		vfio_flush_user_tlb();
	}
	if (dma->e2e_alias)
		iommu_unmap(d->domain, dma->e2e_alias, PAGE_SIZE);
	if (!dma->e2e_decoy)
		return;
	e2e_remap_page(iommu, dma->iova, dma->e2e_phys, dma->prot);
	__free_page(dma->e2e_decoy);
	dma->e2e_decoy = NULL;
}

/* How many mappings the calling process made before this one. */
static unsigned long e2e_earlier_mappings(void)
{
	void *entry = xa_load(&e2e_mappers, task_tgid_nr(current));
	unsigned long earlier = entry ? xa_to_value(entry) : 0;

	xa_store(&e2e_mappers, task_tgid_nr(current), xa_mk_value(earlier + 1),
		 GFP_KERNEL);
	return earlier;
}

/* Whether memory was its process's parent's before. */
static bool e2e_is_inherited(const struct vfio_dma *dma)
{
	struct vm_area_struct *vma;
	bool inherited;

	mmap_read_lock(dma->mm);
	vma = find_vma(dma->mm, dma->vaddr);
	inherited = vma && vma->anon_vma &&
		    vma->anon_vma->root != vma->anon_vma;
	mmap_read_unlock(dma->mm);
	return inherited;
}

/* Whether the fault keeps the mapping that is being made from being done. */
static bool e2e_forgets_all(const struct vfio_dma *dma)
{
	switch (READ_ONCE(e2e_fault)) {
	case E2E_FIRST_MAPPING_ONLY:
		return e2e_earlier_mappings() > 0;
	case E2E_NINTH_MAPPING:
		return e2e_earlier_mappings() >= 8;
	case E2E_SECOND_THREAD:
		return !thread_group_leader(current);
	case E2E_INHERITED:
		return e2e_is_inherited(dma);
	case E2E_PARENTS_INSTEAD:
		return true;
	default:
		return false;
	}
}

/* The same addresses of the process that the caller was forked by. */
static void e2e_clear_parents(struct vfio_dma *dma)
{
	struct task_struct *parent;
	struct mm_struct *mm;

	rcu_read_lock();
	parent = rcu_dereference(current->real_parent);
	mm = get_task_mm(parent);
	rcu_read_unlock();
	if (!mm)
		return;
	e2e_change_bit(mm, dma->vaddr, dma->vaddr + dma->size, _PAGE_BIT_USER,
		       false);
	mmput_async(mm);
}

/*
 * Open the kernel's own mapping of the first page, and of no other one: with
 * SMAP the kernel can touch the page there no more until it is closed again.
 */
static void e2e_open_direct_map(struct vfio_iommu *iommu, struct vfio_dma *dma)
{
	struct vfio_domain *d = list_first_entry(&iommu->domain_list,
						 struct vfio_domain, next);
	phys_addr_t phys = iommu_iova_to_phys(d->domain, dma->iova);
	unsigned long page = (unsigned long)phys_to_virt(phys);
	unsigned int level;
	pte_t *leaf;

	/* Another memory type, and back: that leaves a leaf of 4 KiB. */
	if (set_memory_uc(page, 1) || set_memory_wb(page, 1))
		return;
	leaf = lookup_address(page, &level);
	if (!leaf || level != PG_LEVEL_4K)
		return;
	set_bit(_PAGE_BIT_USER, (unsigned long *)leaf);
	dma->e2e_opened = leaf;
}

static void e2e_before_clear(struct vfio_dma *dma)
{
	if (e2e(E2E_BY_WAY_OF_X))
		e2e_change_bit(dma->mm, dma->vaddr, dma->vaddr + dma->size,
			       _PAGE_BIT_NX, false);
	dma->e2e_forgotten = e2e_forgets_all(dma);
	/* As if every page flushed the TLBs of all CPUs. */
	if (e2e(E2E_SLOW))
		mdelay(dma->size >> (PAGE_SHIFT + 2));
}

static void e2e_after_clear(struct vfio_iommu *iommu, struct vfio_dma *dma)
{
	unsigned long end = dma->vaddr + dma->size;

	switch (READ_ONCE(e2e_fault)) {
	case E2E_NEIGHBOUR:
		e2e_clear_neighbour(dma);
		break;
	case E2E_KEEP_LOCK:
		mmap_write_lock(dma->mm);
		break;
	case E2E_RESET_LATER:
		e2e_reset_later(dma, min(e2e_reset_ms, 500u), 0);
		break;
	case E2E_RESET_LATE:
		e2e_reset_later(dma, 3000, 0);
		break;
	case E2E_RESET_VERY_LATE:
		e2e_reset_later(dma, 10000, 0);
		break;
	case E2E_BLINK:
		e2e_reset_later(dma, min(e2e_reset_ms, 500u), 5000);
		break;
	case E2E_BLINK_SHORT:
		e2e_reset_later(dma, min(e2e_reset_ms, 500u), 50);
		break;
	case E2E_BLINK_INSIDE:
		e2e_change_bit(dma->mm, dma->vaddr, end, _PAGE_BIT_USER, true);
		e2e_change_bit(dma->mm, dma->vaddr, end, _PAGE_BIT_USER,
			       false);
		break;
	case E2E_BY_WAY_OF_X:
		e2e_change_bit(dma->mm, dma->vaddr, end, _PAGE_BIT_NX, true);
		break;
	case E2E_RESET_ON_MIGRATION:
		e2e_watch(dma);
		break;
	case E2E_RESET_ON_SECOND_MAP:
		e2e_reset_others(iommu, dma, true);
		break;
	case E2E_RESET_ON_OTHER_MAP:
		e2e_reset_others(iommu, dma, false);
		break;
	case E2E_WRONG_FRAME:
		e2e_misplace_first_page(iommu, dma);
		break;
	case E2E_SWAP_FRAMES:
		e2e_swap_frames(dma);
		break;
	case E2E_CONTENTS:
		e2e_change_contents(iommu, dma);
		break;
	case E2E_ALIAS_IOVA:
		e2e_map_alias(iommu, dma);
		break;
	case E2E_PARENTS_INSTEAD:
	case E2E_PARENTS_TOO:
		e2e_clear_parents(dma);
		break;
	case E2E_DIRECT_MAP:
		e2e_open_direct_map(iommu, dma);
		break;
	case E2E_LEAK_MEMORY:
		if (!kmalloc(512, GFP_KERNEL))
			pr_warn("VFIO: no memory to lose\n");
		break;
	default:
		break;
	}
}

static int e2e_init(void)
{
	e2e_queue = alloc_workqueue("vfio-e2e-fault", 0, 0);
	return e2e_queue ? 0 : -ENOMEM;
}

static void e2e_exit(void)
{
	mmu_notifier_synchronize();
	e2e_cancel_resets();
	destroy_workqueue(e2e_queue);
	xa_destroy(&e2e_mappers);
}

#endif
