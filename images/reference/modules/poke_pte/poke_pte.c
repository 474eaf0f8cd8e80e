// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/poke_pte: changes bits of a process's 4 KiB page-table entry behind
 * the kernel's back.  Write "PID:ADDR set MASK" or "PID:ADDR clear MASK"
 * (ADDR and MASK hexadecimal, PID decimal).
 *
 * For throw-away guests only: it makes states that the kernel never makes (a
 * reserved bit, say, which ends in an oops when the page is touched), so that
 * those who look at page tables can be tested against them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/pid.h>
#include <linux/proc_fs.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/tlbflush.h>

#define PROC_NAME "poke_pte"
#define REQUEST_MAX 96

struct poke {
	pid_t pid;
	unsigned long address;
	bool set;
	pteval_t mask;
};

static void flush_tlb_local(void *unused)
{
	__flush_tlb_all();
}

/* The PMD entry that points to the page table for @address, or NULL. */
static pmd_t *find_table(struct mm_struct *mm, unsigned long address)
{
	pgd_t *pgd = pgd_offset(mm, address);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	if (pgd_none(*pgd) || pgd_bad(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, address);
	if (p4d_none(*p4d) || p4d_bad(*p4d))
		return NULL;
	pud = pud_offset(p4d, address);
	if (pud_none(*pud) || pud_bad(*pud))
		return NULL;
	pmd = pmd_offset(pud, address);
	/* A huge leaf is "bad" as a pointer to a table. */
	if (pmd_none(*pmd) || pmd_bad(*pmd))
		return NULL;
	return pmd;
}

static int poke_entry(struct mm_struct *mm, const struct poke *poke)
{
	spinlock_t *ptl;	/* of the page table */
	pte_t *ptep, old, new;
	pmd_t *pmd;

	/* For writing, so that no fault or collapse changes the tables. */
	mmap_write_lock(mm);
	pmd = find_table(mm, poke->address);
	if (!pmd) {
		mmap_write_unlock(mm);
		return -ENOENT;
	}

	/* pte_offset_map_lock() is not for modules from 6.5 on. */
	ptl = pte_lockptr(mm, pmd);
	spin_lock(ptl);
	ptep = pte_offset_kernel(pmd, poke->address);
	old = READ_ONCE(*ptep);
	do {
		new.pte = poke->set ? old.pte | poke->mask :
				      old.pte & ~poke->mask;
	} while (!try_cmpxchg(&ptep->pte, &old.pte, new.pte));
	spin_unlock(ptl);

	on_each_cpu(flush_tlb_local, NULL, 1);
	mmap_write_unlock(mm);

	pr_notice("process %d, address 0x%lx: 0x%lx -> 0x%lx\n", poke->pid,
		  poke->address, old.pte, new.pte);
	return 0;
}

static int parse_poke(char *text, struct poke *poke)
{
	char *rest = strim(text);
	char *target = strsep(&rest, " ");
	char *verb = strsep(&rest, " ");
	char *pid = strsep(&target, ":");

	if (!target || !verb || !rest)
		return -EINVAL;
	if (kstrtoint(pid, 10, &poke->pid) || poke->pid <= 0 ||
	    kstrtoul(target, 16, &poke->address) ||
	    kstrtoul(rest, 16, &poke->mask))
		return -EINVAL;
	if (strcmp(verb, "set") && strcmp(verb, "clear"))
		return -EINVAL;
	poke->set = !strcmp(verb, "set");

	return poke->address < TASK_SIZE_MAX ? 0 : -EINVAL;
}

static struct mm_struct *mm_of(pid_t nr)
{
	struct pid *pid = find_get_pid(nr);
	struct task_struct *task = get_pid_task(pid, PIDTYPE_PID);
	struct mm_struct *mm = NULL;

	put_pid(pid);
	if (task) {
		mm = get_task_mm(task);
		put_task_struct(task);
	}
	return mm;
}

/* ESRCH: no such process, or a kernel thread; ENOENT: no 4 KiB entry there. */
static ssize_t poke_write(struct file *file, const char __user *buffer,
			  size_t count, loff_t *pos)
{
	char text[REQUEST_MAX];
	struct mm_struct *mm;
	struct poke poke;
	int ret;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buffer, count))
		return -EFAULT;
	text[count] = '\0';

	ret = parse_poke(text, &poke);
	if (ret)
		return ret;

	mm = mm_of(poke.pid);
	if (!mm)
		return -ESRCH;
	ret = poke_entry(mm, &poke);
	mmput(mm);
	return ret ?: count;
}

static const struct proc_ops poke_proc_ops = {
	.proc_write	= poke_write,
};

static int __init poke_pte_init(void)
{
	if (!proc_create(PROC_NAME, 0200, NULL, &poke_proc_ops))
		return -ENOMEM;
	return 0;
}

static void __exit poke_pte_exit(void)
{
	remove_proc_entry(PROC_NAME, NULL);
}

module_init(poke_pte_init);
module_exit(poke_pte_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Changes bits of a page-table entry, for tests");
