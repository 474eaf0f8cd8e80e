// SPDX-License-Identifier: MIT
/*
 * Touching memory, and touch -> map -> touch within one operation.
 *
 * A TLB flush that the kernel forgot is only seen when the page is in a vCPU's TLB at the moment of the mapping and is
 * touched again before anything else (a context switch to another process, a reply over a serial line) happens to
 * drop the entry. So the main thread stays on its vCPU, and a second thread on another vCPU touches the pages, spins
 * in user mode without a system call while the main thread maps them, and touches them again.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "access.h"
#include "cpus.h"
#include "ops.h"
#include "vfio.h"

#define PAGES_MAX 256
/* All accesses of one operation, if each of them stalls. */
#define STALL_LIMIT_MS 60000

static void run_access(void *access)
{
	access_memory(access);
}

void op_touch(struct call *call)
{
	struct access access;
	uint64_t cpu = 0, size = 8;
	bool pinned = arg_has(call, "cpu");

	if (!access_from_request(call, &access) || !arg_u64(call, "address", &access.address) ||
	    !arg_u64_optional(call, "size", &size) || !arg_u64_optional(call, "cpu", &cpu) ||
	    !arg_range(call, "cpu", cpu, 0, 4095) || !args_done(call))
		return;
	if (size != 1 && size != 2 && size != 4 && size != 8) {
		fail(call, "argument", "'size' must be 1, 2, 4 or 8 bytes");
		return;
	}
	access.size = (unsigned int)size;
	if (!pinned) {
		access_memory(&access);
	} else {
		if (!worker_begin(call, (int)cpu, run_access, &access))
			return;
		worker_wait((int)cpu);
	}
	reply_begin(call, true);
	access_to_reply(call, &access);
}

/* What came of touching every page once. */
struct tally {
	unsigned int done, fault, stalled;
	struct access first_done, first_fault, first_stalled;
};

/* One thread's part. */
struct probe {
	const struct access *pattern;
	uint64_t total; /* pages of the mapping */
	unsigned int pages; /* how many of them are touched */
	int cpu;
	struct tally before, after;
	atomic_bool ready; /* before is filled in, the pages are in this vCPU's TLB */
	atomic_bool go; /* the mapping is made */
};

/* Spread over the mapping, its first and its last page among them: a flush may have missed only some. */
static uint64_t offset_of(const struct probe *probe, unsigned int i)
{
	return probe->pages > 1 ? i * (probe->total - 1) / (probe->pages - 1) * PAGE_SIZE : 0;
}

static void touch_pages(const struct probe *probe, struct tally *tally)
{
	for (unsigned int i = 0; i < probe->pages; i++) {
		struct access access = *probe->pattern;

		access.address += offset_of(probe, i);
		access_memory(&access);
		if (access.outcome == ACCESS_DONE && tally->done++ == 0)
			tally->first_done = access;
		if (access.outcome == ACCESS_FAULT && tally->fault++ == 0)
			tally->first_fault = access;
		if (access.outcome == ACCESS_STALLED && tally->stalled++ == 0)
			tally->first_stalled = access;
	}
}

static void run_probe(void *argument)
{
	struct probe *probe = argument;

	touch_pages(probe, &probe->before);
	atomic_store(&probe->ready, true);
	while (!atomic_load(&probe->go))
		__builtin_ia32_pause();
	touch_pages(probe, &probe->after);
}

static void tally_to_reply(struct call *call, const char *name, const struct tally *tally)
{
	static const char *const names[] = { "firstDone", "firstFault", "firstStalled" };
	const struct access *firsts[] = { &tally->first_done, &tally->first_fault, &tally->first_stalled };
	unsigned int counts[] = { tally->done, tally->fault, tally->stalled };

	reply_open(call, name, '{');
	reply_number(call, "done", tally->done);
	reply_number(call, "fault", tally->fault);
	reply_number(call, "stalled", tally->stalled);
	for (int i = 0; i < 3; i++) {
		if (counts[i] == 0)
			continue;
		reply_open(call, names[i], '{');
		access_to_reply(call, firsts[i]);
		reply_close(call, '}');
	}
	reply_close(call, '}');
}

static void probe_to_reply(struct call *call, const char *name, const struct probe *probe)
{
	reply_open(call, name, '{');
	reply_number(call, "cpu", (uint64_t)probe->cpu);
	tally_to_reply(call, "before", &probe->before);
	tally_to_reply(call, "after", &probe->after);
	reply_close(call, '}');
}

/* The vCPU for the second thread: the one asked for, else the first that is not ours, else -1. */
static bool choose_other(struct call *call, int own, int *other)
{
	uint64_t wanted = 0;
	int cpus[CPUS_MAX], count = cpus_usable(cpus);

	*other = -1;
	for (int i = count - 1; i >= 0; i--)
		if (cpus[i] != own)
			*other = cpus[i];
	if (!arg_has(call, "otherCpu"))
		return true;
	if (!arg_u64(call, "otherCpu", &wanted) || !arg_range(call, "otherCpu", wanted, 0, 4095))
		return false;
	for (int i = 0; i < count; i++) {
		if (cpus[i] == (int)wanted && cpus[i] != own) {
			*other = cpus[i];
			return true;
		}
	}
	return fail(call, "argument", "'otherCpu' %d is not there, or is the one that maps", (int)wanted);
}

/* Touches, maps, touches; returns the errno of the mapping. */
static int touch_map_touch(struct probe *own, struct probe *other, const struct dma_map *map)
{
	int error;

	while (other && !atomic_load(&other->ready))
		__builtin_ia32_pause();
	touch_pages(own, &own->before);
	error = dma_map(map);
	if (other)
		atomic_store(&other->go, true);
	if (!error)
		touch_pages(own, &own->after);
	return error;
}

void op_touch_map_touch(struct call *call)
{
	static struct probe own, other;
	struct access pattern;
	struct dma_map map;
	uint64_t pages = 16, cpu = (uint64_t)cpu_current();
	int other_cpu, error;

	if (!dma_map_from_request(call, &map) || !access_from_request(call, &pattern) ||
	    !arg_u64_optional(call, "pages", &pages) || !arg_range(call, "pages", pages, 1, PAGES_MAX) ||
	    !arg_u64_optional(call, "cpu", &cpu) || !arg_range(call, "cpu", cpu, 0, 4095) ||
	    !choose_other(call, (int)cpu, &other_cpu) || !args_done(call) ||
	    !arg_range(call, "timeoutMs", pattern.timeout_ms * pages, 1, STALL_LIMIT_MS))
		return;
	if (!cpu_pin((int)cpu)) {
		fail(call, "argument", "there is no vCPU %d that this process may use", (int)cpu);
		return;
	}

	pattern.address = map.vaddr;
	memset(&own, 0, sizeof(own));
	own.pattern = &pattern;
	own.total = map.size >= PAGE_SIZE ? map.size / PAGE_SIZE : 1;
	own.pages = (unsigned int)(pages < own.total ? pages : own.total);
	own.cpu = (int)cpu;
	other = own;
	other.cpu = other_cpu;

	if (other_cpu >= 0 && !worker_begin(call, other_cpu, run_probe, &other)) {
		cpu_unpin();
		return;
	}
	error = touch_map_touch(&own, other_cpu >= 0 ? &other : NULL, &map);
	if (other_cpu >= 0)
		worker_wait(other_cpu);
	cpu_unpin();
	if (error) {
		dma_map_failed(call, &map, error);
		return;
	}
	reply_begin(call, true);
	reply_number(call, "pages", own.pages);
	probe_to_reply(call, "own", &own);
	if (other_cpu >= 0)
		probe_to_reply(call, "other", &other);
}
