// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/ept_lab: an EPT that nobody uses, to be looked at from outside, and a guest that runs on it.
 *
 *	build [N]               makes the map; the N-th allocation of a table fails
 *	free                    frees it
 *	alias FIRST SECOND      SECOND leads to where FIRST leads (guest-physical addresses)
 *	swap FIRST SECOND       each leads to where the other led
 *	set ADDRESS LEVEL VALUE writes the entry that maps ADDRESS at LEVEL (2 to 4)
 *	run [invept]            runs the guest, with INVEPT after the alias or without
 *	failures                has VMX instructions fail
 *
 * A read answers the state, and what the last `run` or `failures` found, as lines of words. Numbers are hexadecimal with 0x.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "ept_lab.h"

static DEFINE_MUTEX(lock);
static char report[1024];

static void report_result(const struct ept_lab_result *result)
{
	const struct ept_lab_registers *registers = &result->registers;
	int length = scnprintf(report, sizeof(report),
		"exits 0x%x\nreason 0x%llx\nqualification 0x%llx\npage1 0x%llx\npage2 0x%llx\n"
		"rdi 0x%llx\nrsi 0x%llx\nrdx 0x%llx\nbefore 0x%llx\nafter 0x%llx\nthere 0x%llx\nback 0x%llx\n",
		result->exits, result->last_reason, result->last_qualification, result->physical1, result->physical2,
		registers->rdi, registers->rsi, registers->rdx,
		registers->r10, registers->r11, registers->r12, registers->r13);

	if (result->failed)
		scnprintf(report + length, sizeof(report) - length, "failed %s %c 0x%llx\n",
			  result->failed, result->fail_kind, result->fail_error);
}

static int execute(char *text)
{
	unsigned long long first, second, value;
	unsigned long fail_at = 0;
	unsigned int level;
	struct ept_lab_result result;
	int error;

	if (strcmp(text, "build") == 0 || sscanf(text, "build %lu", &fail_at) == 1)
		return ept_lab_build(fail_at);
	if (strcmp(text, "free") == 0) {
		ept_lab_free();
		ept_lab_free_pages();
		return 0;
	}
	if (sscanf(text, "alias %lli %lli", &first, &second) == 2)
		return ept_lab_alias(first, second);
	if (sscanf(text, "swap %lli %lli", &first, &second) == 2)
		return ept_lab_swap(first, second);
	if (sscanf(text, "set %lli %u %llx", &first, &level, &value) == 3) {
		u64 *entry = ept_lab_entry(first, level);

		if (!entry)
			return -ENOENT;
		WRITE_ONCE(*entry, value);
		return 0;
	}
	if (strcmp(text, "run") == 0 || strcmp(text, "run invept") == 0) {
		error = ept_lab_experiment(strlen(text) > 3, &result);
		if (!error)
			report_result(&result);
		return error;
	}
	if (strcmp(text, "failures") == 0) {
		error = ept_lab_failures(report, sizeof(report));
		return error < 0 ? error : 0;
	}
	return -EINVAL;
}

static ssize_t ept_lab_write(struct file *file, const char __user *from, size_t length, loff_t *at)
{
	char text[128];
	int error;

	if (length >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, length))
		return -EFAULT;
	text[length] = '\0';
	mutex_lock(&lock);
	error = execute(strim(text));
	mutex_unlock(&lock);
	return error ? error : length;
}

static int ept_lab_show(struct seq_file *file, void *unused)
{
	mutex_lock(&lock);
	seq_printf(file, "eptp 0x%llx\ntables 0x%lx\n%s", ept_lab_eptp, ept_lab_tables, report);
	mutex_unlock(&lock);
	return 0;
}

static int ept_lab_open(struct inode *inode, struct file *file)
{
	return single_open(file, ept_lab_show, NULL);
}

static const struct proc_ops operations = {
	.proc_open = ept_lab_open,
	.proc_read = seq_read,
	.proc_write = ept_lab_write,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

static int __init ept_lab_init(void)
{
	return proc_create("ept_lab", 0600, NULL, &operations) ? 0 : -ENOMEM;
}

static void __exit ept_lab_cleanup(void)
{
	remove_proc_entry("ept_lab", NULL);
	ept_lab_free();
	ept_lab_free_pages();
}

module_init(ept_lab_init);
module_exit(ept_lab_cleanup);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("An EPT to be looked at from outside, and a guest that runs on it");
