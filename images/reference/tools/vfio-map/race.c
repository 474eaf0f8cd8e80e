// SPDX-License-Identifier: MIT
/* Memory that its process gives up while the kernel maps it: pinned already, and gone from the page tables before the ioctl returns. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpus.h"
#include "ops.h"
#include "vfio.h"

static const char *const ways[] = { "dontneed", "unmap", NULL };

struct give_up {
	void *address;
	size_t size;
	bool unmap;
	int status_fd;
	atomic_bool has_begun;
	atomic_bool is_over;
};

/* Kilobytes that are locked, for DMA among others (VmLck, proc(5)). */
static long locked_kb(int status_fd)
{
	char text[4096];
	ssize_t length = pread(status_fd, text, sizeof(text) - 1, 0);
	const char *line;

	text[length > 0 ? length : 0] = '\0';
	line = strstr(text, "VmLck:");
	return line ? strtol(line + strlen("VmLck:"), NULL, 10) : 0;
}

/* Again and again, as pinning faults in what is not there; or once, when some of it is pinned. */
static void run_give_up(void *argument)
{
	struct give_up *work = argument;
	long before = work->unmap ? locked_kb(work->status_fd) : 0;

	work->has_begun = true;
	while (!work->is_over) {
		if (!work->unmap) {
			madvise(work->address, work->size, MADV_DONTNEED);
		} else if (locked_kb(work->status_fd) >= before + (long)(work->size >> 10)) {
			munmap(work->address, work->size);
			return;
		}
		sched_yield();
	}
}

void op_map_while_given_up(struct call *call)
{
	struct give_up work = { .size = 0 };
	struct dma_map map;
	uint64_t size = 0, offset = 0;
	unsigned int way;
	int cpus[CPUS_MAX], error;
	int count = cpus_usable(cpus), cpu = cpus[0];

	if (!dma_map_from_request(call, &map) || !arg_u64(call, "givenUp", &size) || !arg_word(call, "way", ways, &way) ||
	    !arg_u64_optional(call, "offset", &offset) || !args_done(call))
		return;
	work.address = (void *)(map.vaddr + offset);
	work.size = size;
	work.unmap = way == 1;
	work.status_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	if (work.status_fd < 0) {
		fail_errno(call, "system", errno, "open of /proc/self/status");
		return;
	}
	for (int i = 0; i < count; i++)
		if (cpus[i] != cpu_current())
			cpu = cpus[i];
	if (worker_begin(call, cpu, run_give_up, &work)) {
		while (!work.has_begun)
			sched_yield();
		error = dma_map(&map);
		work.is_over = true;
		worker_wait(cpu);
		if (error)
			dma_map_failed(call, &map, error);
		else
			reply_begin(call, true);
	}
	close(work.status_fd);
}
