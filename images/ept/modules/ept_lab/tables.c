// SPDX-License-Identifier: GPL-2.0
/* An identity map of 512 GiB in 2 MiB pages, write-back. */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>

#include "ept_lab.h"

unsigned long ept_lab_tables;
u64 ept_lab_eptp;

static u64 *top;
static unsigned long allocations_left;

/* Not inlined, so that a probe sees each table that it returns. */
static noinline u64 *allocate_table(void)
{
	u64 *table;

	if (allocations_left == 1)
		return NULL;
	if (allocations_left > 1)
		allocations_left--;
	table = (u64 *)get_zeroed_page(GFP_KERNEL);
	if (table)
		ept_lab_tables++;
	return table;
}

static void free_table(u64 *table, int level)
{
	int i;

	if (level > 2)
		for (i = 0; i < EPT_ENTRIES; i++)
			if (table[i])
				free_table(phys_to_virt(table[i] & EPT_ADDRESS), level - 1);
	free_page((unsigned long)table);
	ept_lab_tables--;
}

static int fill(u64 *table, int level, u64 *next_leaf)
{
	int i;

	for (i = 0; i < EPT_ENTRIES && *next_leaf < EPT_LAB_LEAVES; i++) {
		u64 *below;

		if (level == 2) {
			table[i] = (*next_leaf)++ << EPT_LAB_PAGE_SHIFT | EPT_LARGE | EPT_LEAF_WRITE_BACK | EPT_RWX;
			continue;
		}
		below = allocate_table();
		if (!below)
			return -ENOMEM;
		/* Linked before it is filled: whatever fails, the tree knows all its tables. */
		table[i] = virt_to_phys(below) | EPT_RWX;
		if (fill(below, level - 1, next_leaf))
			return -ENOMEM;
	}
	return 0;
}

int ept_lab_build(unsigned long fail_at)
{
	u64 next_leaf = 0;
	int error;

	if (top)
		return -EBUSY;
	allocations_left = fail_at;
	top = allocate_table();
	if (!top)
		return -ENOMEM;
	error = fill(top, 4, &next_leaf);
	if (error) {
		ept_lab_free();
		return error;
	}
	ept_lab_eptp = virt_to_phys(top) | EPTP_WALK_LENGTH_4 | EPT_WRITE_BACK;
	return 0;
}

void ept_lab_free(void)
{
	if (top)
		free_table(top, 4);
	top = NULL;
	ept_lab_eptp = 0;
}

u64 *ept_lab_entry(u64 address, int level)
{
	u64 *table = top;
	int at;

	if (!top || level < 2 || level > 4 || address >> 48)
		return NULL;
	for (at = 4;; at--) {
		u64 *entry = &table[address >> (12 + 9 * (at - 1)) & (EPT_ENTRIES - 1)];

		if (at == level)
			return entry;
		if (!(*entry & EPT_RWX))
			return NULL;
		table = phys_to_virt(*entry & EPT_ADDRESS);
	}
}

static void set_frame(u64 *entry, u64 from)
{
	WRITE_ONCE(*entry, (*entry & ~EPT_ADDRESS) | (from & EPT_ADDRESS));
}

int ept_lab_alias(u64 first, u64 second)
{
	u64 *one = ept_lab_entry(first, 2), *two = ept_lab_entry(second, 2);

	if (!one || !two)
		return -ENOENT;
	set_frame(two, *one);
	return 0;
}

int ept_lab_swap(u64 first, u64 second)
{
	u64 *one = ept_lab_entry(first, 2), *two = ept_lab_entry(second, 2), old;

	if (!one || !two)
		return -ENOENT;
	old = *one;
	set_frame(one, *two);
	set_frame(two, old);
	return 0;
}
