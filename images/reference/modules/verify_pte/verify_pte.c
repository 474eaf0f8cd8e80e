// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/verify_pte: shows the page-table entry behind a user address.
 *
 * Write "ADDR" or "PID:ADDR" (ADDR hexadecimal, PID decimal), then read. A
 * plain ADDR means the process that reads. What was written through an open
 * file answers that file; a file through which nothing was written shows what
 * was written last by anyone.
 *
 * Looking changes nothing: no page table is allocated, no page faulted in, no
 * lock of the observed process taken.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/pid.h>
#include <linux/proc_fs.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#define PROC_NAME "verify_pte"
#define QUERY_MAX 64

enum query_kind { QUERY_NONE, QUERY_MALFORMED, QUERY_ADDRESS };

struct query {
	enum query_kind kind;
	pid_t pid;		/* 0: whoever reads */
	unsigned long address;
};

/* Of one open file; seq_file's private data. */
struct verify_file {
	struct query query;
};

/* Guards last_query and the query of every open file. */
static DEFINE_SPINLOCK(query_lock);
static struct query last_query;

/* Where a walk ended. */
struct walk {
	unsigned long entry;	/* raw value; 0: nothing there */
	unsigned long size;	/* bytes that an entry of this level maps */
	bool user;		/* _PAGE_USER in all entries on the way */
};

/* Takes one entry in; true when the walk goes on to the table it names. */
static bool walk_down(struct walk *walk, unsigned long entry,
		      unsigned long size)
{
	walk->entry = entry;
	walk->size = size;
	walk->user = walk->user && (entry & _PAGE_USER);

	return (entry & _PAGE_PRESENT) &&
	       !(size <= PUD_SIZE && (entry & _PAGE_PSE));
}

/*
 * Walk as gup_fast does: page tables are freed only after every CPU has had
 * interrupts on (mm/mmu_gather.c, CONFIG_MMU_GATHER_RCU_TABLE_FREE, or by the
 * TLB flush's IPI), so with interrupts off none disappears under the walk,
 * whatever the process's other threads unmap.
 */
static struct walk walk_tables(struct mm_struct *mm, unsigned long address)
{
	struct walk walk = { .user = true };
	unsigned long flags;
	pgd_t *pgdp, pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;
	pte_t pte;

	local_irq_save(flags);

	pgdp = pgd_offset(mm, address);
	pgd = READ_ONCE(*pgdp);
	if (!walk_down(&walk, pgd_val(pgd), PGDIR_SIZE))
		goto out;

	/* Folded with four levels: then this is the same entry again. */
	p4dp = p4d_offset_lockless(pgdp, pgd, address);
	p4d = READ_ONCE(*p4dp);
	if (!walk_down(&walk, p4d_val(p4d), P4D_SIZE))
		goto out;

	pudp = pud_offset_lockless(p4dp, p4d, address);
	pud = READ_ONCE(*pudp);
	if (!walk_down(&walk, pud_val(pud), PUD_SIZE))
		goto out;

	pmdp = pmd_offset_lockless(pudp, pud, address);
	pmd = READ_ONCE(*pmdp);
	if (!walk_down(&walk, pmd_val(pmd), PMD_SIZE))
		goto out;

	pte = READ_ONCE(*pte_offset_kernel(&pmd, address));
	walk_down(&walk, pte_val(pte), PAGE_SIZE);
out:
	local_irq_restore(flags);
	return walk;
}

static const char *size_name(unsigned long size)
{
	if (size == PAGE_SIZE)
		return "4 KiB";
	if (size == PMD_SIZE)
		return "2 MiB";
	if (size == PUD_SIZE)
		return "1 GiB";
	return size == P4D_SIZE ? "512 GiB" : "256 TiB";
}

/* Of the 4 KiB page that @address lies in, also inside a huge page. */
static phys_addr_t frame_of(const struct walk *walk, unsigned long address)
{
	unsigned long pfn;

	/* The accessors know where PAT sits and that L1TF inverts frames. */
	if (walk->size == PAGE_SIZE)
		pfn = pte_pfn(__pte(walk->entry));
	else if (walk->size == PMD_SIZE)
		pfn = pmd_pfn(__pmd(walk->entry));
	else
		pfn = pud_pfn(__pud(walk->entry));

	return PFN_PHYS(pfn) + (address & (walk->size - 1) & PAGE_MASK);
}

static void show_entry(struct seq_file *m, pid_t pid, unsigned long address,
		       const struct walk *walk)
{
	bool present = walk->entry & _PAGE_PRESENT;
	bool prot_none = !present && (walk->entry & _PAGE_PROTNONE);
	bool user = walk->entry & _PAGE_USER;

	seq_printf(m, "Virtual Address: 0x%lx\n", address);
	seq_printf(m, "Target PID: %d\n", pid);
	seq_printf(m, "PTE Value: 0x%lx\n", walk->entry);
	seq_printf(m, "_PAGE_USER bit: %s (0x%lx)\n",
		   user ? "SET (user page)" : "CLEARED (kernel page)",
		   walk->entry & _PAGE_USER);
	seq_printf(m, "PTE Present: %s\n", present ? "Yes" : "No");
	if (present || prot_none)
		seq_printf(m, "Physical Address: 0x%llx\n",
			   (unsigned long long)frame_of(walk, address));
	seq_printf(m, "Entry: %s %s\n", size_name(walk->size),
		   present ? "page" :
		   prot_none ? "PROT_NONE page" : "swap entry");
	seq_printf(m, "Effective User: %s\n",
		   present && walk->user ? "Yes" : "No");
}

static void show_address(struct seq_file *m, struct mm_struct *mm, pid_t pid,
			 unsigned long address)
{
	struct walk walk;

	if (address >= TASK_SIZE_MAX) {
		seq_printf(m, "Error: Could not get PTE for address 0x%lx: not a user address\n",
			   address);
		return;
	}

	walk = walk_tables(mm, address);
	if (!walk.entry)
		seq_printf(m, "Error: Could not get PTE for address 0x%lx: nothing is mapped there in process %d (never touched, or unmapped)\n",
			   address, pid);
	else
		show_entry(m, pid, address, &walk);
}

static struct task_struct *task_of(pid_t nr)
{
	struct task_struct *task;
	struct pid *pid;

	if (!nr)
		return get_task_struct(current);

	pid = find_get_pid(nr);
	task = get_pid_task(pid, PIDTYPE_PID);
	put_pid(pid);
	return task;
}

static int verify_show(struct seq_file *m, void *unused)
{
	struct verify_file *verify = m->private;
	struct task_struct *task;
	struct mm_struct *mm;
	struct query query;
	pid_t pid;

	spin_lock(&query_lock);
	query = verify->query.kind ? verify->query : last_query;
	spin_unlock(&query_lock);

	if (query.kind == QUERY_NONE) {
		seq_puts(m, "Error: No address was written yet: write ADDR or PID:ADDR first\n");
		return 0;
	}
	if (query.kind == QUERY_MALFORMED) {
		seq_puts(m, "Error: Invalid input: expected ADDR or PID:ADDR (ADDR hexadecimal, PID decimal)\n");
		return 0;
	}

	task = task_of(query.pid);
	if (!task) {
		seq_printf(m, "Error: There is no process %d\n", query.pid);
		return 0;
	}
	pid = query.pid ?: task_tgid_vnr(task);

	mm = get_task_mm(task);
	put_task_struct(task);
	if (!mm) {
		seq_printf(m, "Error: Process %d has no address space (a kernel thread, or it has ended)\n",
			   pid);
		return 0;
	}

	show_address(m, mm, pid, query.address);
	mmput(mm);
	return 0;
}

static struct query parse_query(char *text)
{
	struct query malformed = { .kind = QUERY_MALFORMED };
	struct query query = { .kind = QUERY_ADDRESS };
	char *address = strim(text);
	char *colon = strchr(address, ':');

	if (colon) {
		*colon = '\0';
		if (kstrtoint(address, 10, &query.pid) || query.pid <= 0)
			return malformed;
		address = colon + 1;
	}
	if (kstrtoul(address, 16, &query.address))
		return malformed;

	return query;
}

static ssize_t verify_write(struct file *file, const char __user *buffer,
			    size_t count, loff_t *pos)
{
	struct seq_file *m = file->private_data;
	struct verify_file *verify = m->private;
	struct query query = { .kind = QUERY_MALFORMED };
	char text[QUERY_MAX];

	if (count < sizeof(text)) {
		if (copy_from_user(text, buffer, count))
			return -EFAULT;
		text[count] = '\0';
		query = parse_query(text);
	}

	/* Kept also when malformed: a reader must not get an older answer. */
	spin_lock(&query_lock);
	verify->query = query;
	last_query = query;
	spin_unlock(&query_lock);

	/* The next read through this file starts the new answer. */
	*pos = 0;
	return query.kind == QUERY_MALFORMED ? -EINVAL : count;
}

static int verify_open(struct inode *inode, struct file *file)
{
	struct verify_file *verify = kzalloc(sizeof(*verify), GFP_KERNEL);
	int ret;

	if (!verify)
		return -ENOMEM;

	ret = single_open(file, verify_show, verify);
	if (ret)
		kfree(verify);
	return ret;
}

static int verify_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	kfree(m->private);
	return single_release(inode, file);
}

static const struct proc_ops verify_proc_ops = {
	.proc_open	= verify_open,
	.proc_read	= seq_read,
	.proc_write	= verify_write,
	.proc_lseek	= seq_lseek,
	.proc_release	= verify_release,
};

static int __init verify_pte_init(void)
{
	/* Root only: the answer holds physical addresses. */
	if (!proc_create(PROC_NAME, 0600, NULL, &verify_proc_ops))
		return -ENOMEM;
	return 0;
}

static void __exit verify_pte_exit(void)
{
	remove_proc_entry(PROC_NAME, NULL);
}

module_init(verify_pte_init);
module_exit(verify_pte_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Shows the page-table entry behind a user address");
