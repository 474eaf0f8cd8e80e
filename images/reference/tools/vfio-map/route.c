// SPDX-License-Identifier: MIT
/*
 * The other ways by which user mode reaches a page: through the kernel, which uses its own access rights or another
 * mapping of the page. Each moves 8 bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops.h"

struct route_call {
	pid_t pid;
	uint64_t address;
	uint64_t value; /* to be written, or what was read */
};

/* Each returns 0 or an errno. */
typedef int route(struct route_call *r);

static int moved(ssize_t result)
{
	return result == 8 ? 0 : result < 0 ? errno : EIO;
}

/* read(2): the kernel writes to the page. */
static int route_read(struct route_call *r)
{
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	error = moved(write(ends[1], &r->value, 8));
	if (!error)
		error = moved(read(ends[0], (void *)r->address, 8));
	close(ends[0]);
	close(ends[1]);
	return error;
}

/* write(2): the kernel reads from the page. */
static int route_write(struct route_call *r)
{
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	error = moved(write(ends[1], (void *)r->address, 8));
	if (!error)
		error = moved(read(ends[0], &r->value, 8));
	close(ends[0]);
	close(ends[1]);
	return error;
}

static int route_vm_readv(struct route_call *r)
{
	struct iovec own = { &r->value, 8 }, theirs = { (void *)r->address, 8 };

	return moved(process_vm_readv(r->pid, &own, 1, &theirs, 1, 0));
}

static int route_vm_writev(struct route_call *r)
{
	struct iovec own = { &r->value, 8 }, theirs = { (void *)r->address, 8 };

	return moved(process_vm_writev(r->pid, &own, 1, &theirs, 1, 0));
}

static int proc_mem(struct route_call *r, bool write_it)
{
	char path[32];
	int fd, error;

	snprintf(path, sizeof(path), "/proc/%d/mem", r->pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno;
	error = moved(write_it ? pwrite(fd, &r->value, 8, (off_t)r->address) :
				 pread(fd, &r->value, 8, (off_t)r->address));
	close(fd);
	return error;
}

static int route_mem_read(struct route_call *r)
{
	return proc_mem(r, false);
}

static int route_mem_write(struct route_call *r)
{
	return proc_mem(r, true);
}

/* Stops the process (its main thread) for the time of the access. */
static int traced(struct route_call *r, bool write_it)
{
	int error = 0, status;

	if (ptrace(PTRACE_SEIZE, r->pid, 0, 0) != 0)
		return errno;
	if (ptrace(PTRACE_INTERRUPT, r->pid, 0, 0) != 0 || waitpid(r->pid, &status, __WALL) != r->pid) {
		error = errno;
	} else if (write_it) {
		if (ptrace(PTRACE_POKEDATA, r->pid, r->address, r->value) != 0)
			error = errno;
	} else {
		errno = 0;
		r->value = (uint64_t)ptrace(PTRACE_PEEKDATA, r->pid, r->address, 0);
		error = errno;
	}
	ptrace(PTRACE_DETACH, r->pid, 0, 0);
	return error;
}

static int route_peek(struct route_call *r)
{
	return traced(r, false);
}

static int route_poke(struct route_call *r)
{
	return traced(r, true);
}

static const char *const names[] = { "read",	    "write",	    "processVmReadv", "processVmWritev", "procMemRead",
				     "procMemWrite", "ptracePeek", "ptracePoke",     NULL };
static const struct {
	route *run;
	bool reads; /* user mode learns what the page holds */
} routes[] = {
	{ route_read, false },	   { route_write, true },     { route_vm_readv, true }, { route_vm_writev, false },
	{ route_mem_read, true },  { route_mem_write, false }, { route_peek, true },	{ route_poke, false },
};

void op_route(struct call *call)
{
	struct route_call r = { 0 };
	uint64_t pid = (uint64_t)getpid();
	unsigned int which = 0;
	int error;

	if (!arg_word(call, "route", names, &which) || !arg_u64(call, "address", &r.address) ||
	    !arg_u64_optional(call, "value", &r.value) || !arg_u64_optional(call, "pid", &pid) ||
	    !arg_range(call, "pid", pid, 1, 1 << 22) || !args_done(call))
		return;
	r.pid = (pid_t)pid;
	error = routes[which].run(&r);
	reply_begin(call, true);
	reply_text(call, "route", names[which]);
	reply_text(call, "outcome", error ? "error" : "done");
	if (error)
		reply_text(call, "errno", strerrorname_np(error) ? strerrorname_np(error) : "unknown");
	else if (routes[which].reads)
		reply_hex(call, "value", r.value);
}
