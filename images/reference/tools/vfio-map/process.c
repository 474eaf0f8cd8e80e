// SPDX-License-Identifier: MIT
/* Operations on the tool's own process. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cpus.h"
#include "ops.h"
#include "park.h"

#define PROTOCOL_VERSION 1

void op_hello(struct call *call)
{
	int cpus[CPUS_MAX], count = cpus_usable(cpus);

	if (!args_done(call))
		return;
	reply_begin(call, true);
	reply_text(call, "tool", "vfio-map");
	reply_number(call, "version", PROTOCOL_VERSION);
	reply_number(call, "pid", (uint64_t)getpid());
	reply_number(call, "uid", (uint64_t)geteuid());
	reply_number(call, "pageSize", (uint64_t)sysconf(_SC_PAGESIZE));
	reply_open(call, "cpus", '[');
	for (int i = 0; i < count; i++)
		reply_number(call, NULL, (uint64_t)cpus[i]);
	reply_close(call, ']');
	/* DMA mapped through it bypasses vfio_iommu_type1. */
	reply_bool(call, "iommufd", access("/dev/iommu", F_OK) == 0);
}

/* More stack than any operation uses, so that none of them grows it later. */
static void touch_stack(void)
{
	volatile char deep[128 * 1024];

	for (size_t i = 0; i < sizeof(deep); i += PAGE_SIZE)
		deep[i] = 0;
}

/*
 * Faults in and locks all that the tool has, so that the address space changes only by what later operations do to it.
 * Not MCL_FUTURE: whether a buffer is populated is for its alloc operation to say.
 */
void op_settle(struct call *call)
{
	struct timespec now;

	if (!args_done(call))
		return;
	touch_stack();
	clock_gettime(CLOCK_MONOTONIC, &now); /* the vDSO's data page */
	cpu_current();
	if (mlockall(MCL_CURRENT) != 0) {
		fail_errno(call, "system", errno, "mlockall(MCL_CURRENT)");
		return;
	}
	reply_begin(call, true);
}

void op_park(struct call *call)
{
	int cpus[CPUS_MAX], count = cpus_usable(cpus), i = 0;
	uint64_t cpu = (uint64_t)cpus[count - 1], marker, marker2;

	if (!arg_u64(call, "marker", &marker))
		return;
	marker2 = ~marker;
	if (!arg_u64_optional(call, "marker2", &marker2) || !arg_u64_optional(call, "cpu", &cpu) || !args_done(call))
		return;
	while (i < count && (uint64_t)cpus[i] != cpu)
		i++;
	if (i == count) {
		fail(call, "argument", "there is no vCPU %llu that this process may use", (unsigned long long)cpu);
		return;
	}
	if (parked()) {
		fail(call, "busy", "parked on vCPU %d already: the unpark operation comes first", parked()->cpu);
		return;
	}
	park((int)cpu, marker, marker2);
	reply_begin(call, true);
	reply_number(call, "pid", (uint64_t)getpid());
	reply_number(call, "tid", (uint64_t)parked()->tid);
	reply_number(call, "cpu", cpu);
	reply_hex(call, "r12", marker);
	reply_hex(call, "r13", marker2);
}

void op_unpark(struct call *call)
{
	if (!args_done(call))
		return;
	if (!parked()) {
		fail(call, "notParked", "nothing is parked");
		return;
	}
	unpark();
	reply_begin(call, true);
}

static int drop_ipc_lock(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) != 0)
		return errno;
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	data[0].permitted &= ~(1u << CAP_IPC_LOCK);
	return syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
}

/* As an ordinary user has it: VFIO counts pinned pages against RLIMIT_MEMLOCK unless the caller has CAP_IPC_LOCK. */
void op_limit_memlock(struct call *call)
{
	struct rlimit limit;
	uint64_t bytes;
	int error;

	if (!arg_u64(call, "bytes", &bytes) || !args_done(call))
		return;
	limit.rlim_cur = limit.rlim_max = bytes;
	if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) {
		fail_errno(call, "system", errno, "setrlimit(RLIMIT_MEMLOCK, %llu)", (unsigned long long)bytes);
		return;
	}
	error = drop_ipc_lock();
	if (error) {
		fail_errno(call, "system", error, "capset without CAP_IPC_LOCK");
		return;
	}
	reply_begin(call, true);
}
