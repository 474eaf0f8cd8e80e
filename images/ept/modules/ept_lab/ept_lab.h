/* SPDX-License-Identifier: GPL-2.0 */
#ifndef EPT_LAB_H
#define EPT_LAB_H

/* Entries of one table (SDM vol. 3, 29.3.2). */
#define EPT_ENTRIES 512
#define EPT_READ BIT_ULL(0)
#define EPT_WRITE BIT_ULL(1)
#define EPT_EXECUTE BIT_ULL(2)
#define EPT_RWX (EPT_READ | EPT_WRITE | EPT_EXECUTE)
#define EPT_WRITE_BACK 6ULL
#define EPT_LEAF_WRITE_BACK (EPT_WRITE_BACK << 3)
#define EPT_LARGE BIT_ULL(7)
#define EPT_ADDRESS GENMASK_ULL(51, 12)
#define EPTP_WALK_LENGTH_4 (3ULL << 3)
#define EPTP_ACCESSED_DIRTY BIT_ULL(6)

/* Bytes that one leaf maps, and how many leaves the map has: 512 GiB, whose tables are 1 + 1 + 512 pages. */
#define EPT_LAB_PAGE_SHIFT 21
#define EPT_LAB_LEAVES (1UL << 18)

/* The order of VMCALL arguments is the seed's: reason in RDI, two guest-physical addresses in RSI and RDX. */
#define EPT_LAB_CALL_ALIAS 1
#define EPT_LAB_CALL_DONE 2

#ifndef __ASSEMBLY__
#include <linux/types.h>

/* The guest's registers, in the order that switch.S knows. */
struct ept_lab_registers {
	u64 rax, rbx, rcx, rdx, rsi, rdi, r8, r9, r10, r11, r12, r13;
};

/* What became of the experiment. */
struct ept_lab_result {
	/* VM exits, and the reason (basic, with its flags) and the qualification of the last. */
	unsigned int exits;
	u64 last_reason, last_qualification;
	/* A VMX instruction that failed: its name, 'i' for VMfailInvalid or 'v' for VMfailValid, and the error then. */
	const char *failed;
	char fail_kind;
	u64 fail_error;
	u64 physical1, physical2;
	struct ept_lab_registers registers;
};

/* tables.c: pages of tables are counted here. */
extern unsigned long ept_lab_tables;
extern u64 ept_lab_eptp;

/* The first `fail_at` - 1 allocations succeed, then one fails; 0: none fails. */
int ept_lab_build(unsigned long fail_at);
void ept_lab_free(void);
/* The entry that maps guest-physical `address` at `level` (4 to 2), or NULL. */
u64 *ept_lab_entry(u64 address, int level);
/* Lets `second` lead to the frame that `first` leads to. */
int ept_lab_alias(u64 first, u64 second);
int ept_lab_swap(u64 first, u64 second);

/* vmx.c. The experiment's two pages are kept until the next one, or until they are freed. */
void ept_lab_free_pages(void);
int ept_lab_experiment(bool invalidate, struct ept_lab_result *result);
/* VMX instructions that must fail, each with how it did, as lines of text. Returns the length. */
int ept_lab_failures(char *text, size_t size);

/* switch.S */
asmlinkage int ept_lab_enter(struct ept_lab_registers *registers, int resume);
void ept_lab_exit(void);
void ept_lab_guest(void);
#endif
#endif
