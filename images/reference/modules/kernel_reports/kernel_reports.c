// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/kernel_reports: makes the kernel write a report for real, on request,
 * so that whoever watches the kernel log can be tested against the genuine
 * article.  Read it for the list of reports; write "KIND" or "KIND SECONDS" to
 * get one; the write returns once the report is made.  For throw-away guests
 * only: most kinds taint the kernel, one ends it.
 *
 * Lockups and stalls last SECONDS (bounded) and then end by themselves.  They
 * are reported only when they outlast the kernel's own thresholds, which can
 * be lowered: kernel.watchdog_thresh (twice it), kernel.hung_task_timeout_secs
 * and rcupdate.rcu_cpu_stall_timeout.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nmi.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/msr.h>

#define PROC_NAME "kernel_reports"
#define REQUEST_MAX 64
#define SECONDS_MAX 120u

static void make_oops(unsigned int seconds)
{
	unsigned long *pointer = NULL;

	OPTIMIZER_HIDE_VAR(pointer);
	*pointer = 1;
}

/* Not canonical, so a general protection fault instead of a page fault. */
static void make_protection_fault(unsigned int seconds)
{
	unsigned long *pointer = (unsigned long *)0x8000000000000000ul;

	OPTIMIZER_HIDE_VAR(pointer);
	*pointer = 1;
}

/* A selector beyond the table: the CPU gives an error code with the fault. */
static void make_segment_fault(unsigned int seconds)
{
	asm volatile("movl %0, %%ds" : : "r" (0xbeef));
}

/* Just behind an area of vmalloc's is a page that is never mapped. */
static void make_bad_address(unsigned int seconds)
{
	char *area = vmalloc(PAGE_SIZE);

	if (!area)
		return;
	OPTIMIZER_HIDE_VAR(area);
	area[PAGE_SIZE] = 1;
}

static void make_execution(unsigned int seconds)
{
	void (*code)(void) = kzalloc(96, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(code);
	if (code)
		code();
}

static void make_divide_error(unsigned int seconds)
{
	unsigned int low = 1, high = 0;

	asm volatile("divl %2" : "+a" (low), "+d" (high) : "r" (0));
}

/* Ends at the stack's guard page, long before the depth that is asked for. */
static noinline unsigned long recurse(unsigned long depth)
{
	volatile char frame[256];

	frame[0] = depth;
	return depth ? recurse(depth - 1) + frame[0] : 0;
}

static void make_stack_overflow(unsigned int seconds)
{
	recurse(~0U);
}

static void make_list_corruption(unsigned int seconds)
{
	LIST_HEAD(list);
	struct list_head entry;

	list_add(&entry, &list);
	WRITE_ONCE(list.next, &list);
	list_del(&entry);
}

/* More than the object holds; refused before the address is looked at. */
static void make_usercopy(unsigned int seconds)
{
	char *object = kmalloc(96, GFP_KERNEL);
	unsigned long size = 97;

	OPTIMIZER_HIDE_VAR(object);
	OPTIMIZER_HIDE_VAR(size);
	if (object && copy_to_user((void __user *)PAGE_SIZE, object, size))
		kfree(object);
}

static void make_bug(unsigned int seconds)
{
	BUG();
}

static void make_warning(unsigned int seconds)
{
	WARN(1, "requested by %s\n", current->comm);
}

static void make_refcount(unsigned int seconds)
{
	refcount_t count = REFCOUNT_INIT(0);

	refcount_inc(&count);
}

/* Whoever reports it also resets the count. */
static void make_atomic_schedule(unsigned int seconds)
{
	preempt_disable();
	schedule_timeout_uninterruptible(1);
	if (preempt_count())
		preempt_enable();
}

/* More than any machine has. */
static void make_vmalloc(unsigned int seconds)
{
	vfree(vmalloc(1UL << 46));
}

static void make_panic(unsigned int seconds)
{
	panic("requested by %s", current->comm);
}

static void make_taint(unsigned int seconds)
{
	add_taint(TAINT_USER, LOCKDEP_STILL_OK);
	pr_notice("tainted on request\n");
}

/* A driver's own way to complain, without WARN. */
static void make_trace(unsigned int seconds)
{
	pr_err("something is not as it should be\n");
	dump_stack();
}

/*
 * IA32_PKRS: the upper half is reserved, and without the feature the register
 * is not there.  The kernel tells the first such write since boot.
 */
static void make_msr(unsigned int seconds)
{
	wrmsr(0x6e1, ~0U, ~0U);
}

/*
 * Takes away the right to write from an entry that leads to a table, which the
 * kernel never does.  It finds that when the range is unmapped, clears the
 * entry and thereby loses count of the page and of the table.
 */
static void make_bad_pmd(unsigned int seconds)
{
	unsigned long range, address;
	pmd_t *pmd;

	range = vm_mmap(NULL, 0, 2 * PMD_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(range))
		return;
	address = ALIGN(range, PMD_SIZE);

	/* A hole, so that there is a table and no huge page. */
	if (!vm_munmap(address + PAGE_SIZE, PAGE_SIZE) &&
	    !put_user(1, (char __user *)address)) {
		mmap_read_lock(current->mm);
		pmd = pmd_offset(pud_offset(p4d_offset(pgd_offset(current->mm,
				address), address), address), address);
		if (!pmd_none(*pmd) && !pmd_leaf(*pmd))
			WRITE_ONCE(*pmd, __pmd(pmd_val(*pmd) & ~_PAGE_RW));
		else
			pr_err("no table at %lx\n", address);
		mmap_read_unlock(current->mm);
	}
	vm_munmap(range, 2 * PMD_SIZE);
}

/* One byte behind the object's end; seen with slub_debug=FZ,kmalloc-96. */
static void make_redzone(unsigned int seconds)
{
	char *object = kmalloc(96, GFP_KERNEL);

	if (!object)
		return;
	OPTIMIZER_HIDE_VAR(object);
	object[96] = 0x40;
	kfree(object);
}

/*
 * Of an order that no CPU keeps for itself, so that it is looked at when it is
 * freed, and the next to be allocated; seen with page_poison=1.
 */
#define CHECKED_ORDER 5

static void make_bad_page(unsigned int seconds)
{
	struct page *page = alloc_pages(GFP_KERNEL, CHECKED_ORDER);

	if (!page)
		return;
	atomic_set(&page->_mapcount, 0);
	__free_pages(page, CHECKED_ORDER);
}

static void make_poison(unsigned int seconds)
{
	unsigned long address = __get_free_pages(GFP_KERNEL, CHECKED_ORDER);

	if (!address)
		return;
	free_pages(address, CHECKED_ORDER);
	OPTIMIZER_HIDE_VAR(address);
	*(char *)address = 0x40;
	free_pages(__get_free_pages(GFP_KERNEL, CHECKED_ORDER), CHECKED_ORDER);
}

/* Keeps this CPU from scheduling, so the watchdog's thread does not run. */
static void make_soft_lockup(unsigned int seconds)
{
	unsigned long end = jiffies + seconds * HZ;

	preempt_disable();
	while (time_before(jiffies, end))
		cpu_relax();
	preempt_enable();
}

static void no_callback(struct rcu_head *head)
{
}

/*
 * A reader that does not end while a grace period waits for it.  The soft
 * lockup watchdog is kept quiet, so that this is one report, not two.
 */
static void make_rcu_stall(unsigned int seconds)
{
	static struct rcu_head head;
	unsigned long end = jiffies + seconds * HZ;

	call_rcu(&head, no_callback);
	rcu_read_lock();
	preempt_disable();
	while (time_before(jiffies, end)) {
		touch_softlockup_watchdog();
		cpu_relax();
	}
	preempt_enable();
	rcu_read_unlock();
	/* The head is free for the next request, and the module for removal. */
	rcu_barrier();
}

/* The writing process sleeps and no signal wakes it. */
static void make_hung_task(unsigned int seconds)
{
	schedule_timeout_uninterruptible(seconds * HZ);
}

static const struct report {
	const char *name;
	const char *effect;
	void (*make)(unsigned int seconds);
	unsigned int seconds;	/* unless told otherwise; 0: takes none */
	bool fatal;		/* to the thread that makes it */
} reports[] = {
	{ "oops", "NULL pointer dereference", make_oops, 0, true },
	{ "gpf", "general protection fault", make_protection_fault, 0, true },
	{ "segment", "general protection fault of a selector", make_segment_fault, 0, true },
	{ "badaddress", "page fault", make_bad_address, 0, true },
	{ "execute", "execution of data", make_execution, 0, true },
	{ "divide", "divide error", make_divide_error, 0, true },
	{ "stack", "stack overflow; ends the guest", make_stack_overflow, 0, true },
	{ "list", "list corruption", make_list_corruption, 0, true },
	{ "usercopy", "copy of more than an object", make_usercopy, 0, true },
	{ "bug", "BUG()", make_bug, 0, true },
	{ "warning", "WARN()", make_warning },
	{ "refcount", "refcount that leaves zero", make_refcount },
	{ "atomic", "scheduling while atomic", make_atomic_schedule },
	{ "vmalloc", "allocation of too much", make_vmalloc },
	{ "trace", "call trace without a report", make_trace },
	{ "msr", "unchecked MSR access", make_msr },
	{ "badpmd", "bad pmd, bad counters when the writer ends", make_bad_pmd },
	{ "redzone", "overwritten redzone, with slub_debug", make_redzone },
	{ "badpage", "bad page state, with page_poison", make_bad_page },
	{ "poison", "write to a free page, with page_poison", make_poison },
	{ "taint", "taint flag U, without a report", make_taint },
	{ "softlockup", "soft lockup", make_soft_lockup, 25 },
	{ "rcustall", "RCU stall", make_rcu_stall, 30 },
	{ "hungtask", "hung task", make_hung_task, 60 },
	{ "panic", "kernel panic; ends the guest", make_panic },
};

/* One at a time: each is to be told from the next. */
static DEFINE_MUTEX(report_mutex);

static const struct report *find_report(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(reports); i++)
		if (!strcmp(reports[i].name, name))
			return &reports[i];
	return NULL;
}

/* kthread_stop() on a thread that has not begun would keep it from running. */
static DECLARE_COMPLETION(thread_begun);

static int report_thread(void *data)
{
	const struct report *report = data;

	complete(&thread_begun);
	report->make(0);
	return 0;
}

/*
 * What kills its thread gets one of its own: the writer would die with the
 * mutex and with /proc's count of running calls, and the module could never be
 * removed.
 */
static int make_fatal(const struct report *report)
{
	struct task_struct *thread;

	thread = kthread_create(report_thread, (void *)report, "report_%s",
				report->name);
	if (IS_ERR(thread))
		return PTR_ERR(thread);

	get_task_struct(thread);
	reinit_completion(&thread_begun);
	wake_up_process(thread);
	wait_for_completion(&thread_begun);
	/* Also returns once the thread has died (do_exit completes it). */
	kthread_stop(thread);
	put_task_struct(thread);
	return 0;
}

static int make_report(const struct report *report, unsigned int seconds)
{
	int ret = mutex_lock_killable(&report_mutex);

	if (ret)
		return ret;

	if (report->fatal)
		ret = make_fatal(report);
	else
		report->make(seconds);
	mutex_unlock(&report_mutex);
	return ret;
}

static ssize_t reports_write(struct file *file, const char __user *buffer,
			     size_t count, loff_t *pos)
{
	const struct report *report;
	unsigned int seconds;
	char text[REQUEST_MAX];
	char *name, *argument;
	int ret;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buffer, count))
		return -EFAULT;
	text[count] = '\0';

	argument = strim(text);
	name = strsep(&argument, " ");
	report = find_report(name);
	if (!report)
		return -EINVAL;

	seconds = report->seconds;
	if (argument && (!seconds || kstrtouint(argument, 10, &seconds) ||
			 !seconds || seconds > SECONDS_MAX))
		return -EINVAL;

	ret = make_report(report, seconds);
	return ret ?: count;
}

static int reports_show(struct seq_file *m, void *unused)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(reports); i++) {
		seq_printf(m, "%s: %s", reports[i].name, reports[i].effect);
		if (reports[i].seconds)
			seq_printf(m, " (%u seconds)", reports[i].seconds);
		seq_putc(m, '\n');
	}
	return 0;
}

static int reports_open(struct inode *inode, struct file *file)
{
	return single_open(file, reports_show, NULL);
}

static const struct proc_ops reports_proc_ops = {
	.proc_open	= reports_open,
	.proc_read	= seq_read,
	.proc_write	= reports_write,
	.proc_lseek	= seq_lseek,
	.proc_release	= single_release,
};

static int __init kernel_reports_init(void)
{
	if (!proc_create(PROC_NAME, 0600, NULL, &reports_proc_ops))
		return -ENOMEM;
	return 0;
}

static void __exit kernel_reports_exit(void)
{
	remove_proc_entry(PROC_NAME, NULL);
}

module_init(kernel_reports_init);
module_exit(kernel_reports_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Makes the kernel write an oops, a warning or a lockup report on request");
