/* SPDX-License-Identifier: MIT */
/* The vCPUs that the tool may run on, and one thread pinned to each. */
#ifndef VFIO_MAP_CPUS_H
#define VFIO_MAP_CPUS_H

#include <stdbool.h>

struct call;

#define CPUS_MAX 16

/* Fills `cpus` with the numbers of those that the process may use; returns how many (at most CPUS_MAX). */
int cpus_usable(int cpus[CPUS_MAX]);
/* The vCPU that the calling thread runs on at this instant. */
int cpu_current(void);
/* Pins the calling thread. False when that vCPU is not there. */
bool cpu_pin(int cpu);
/* Lets the calling thread run on every vCPU in `cpus` again. */
void cpu_unpin(void);

/* Makes all worker threads now, so that no later operation changes the address space. */
void workers_start(void);
/* A forked child has none of its parent's threads: forgets them, and they are made when first wanted. */
void workers_forget(void);
/*
 * Begins `work(argument)` on the thread of that vCPU; worker_wait() returns once it is done. Every worker_begin() needs
 * its worker_wait() before the next. False when there is no such vCPU: the failure is written to `call`.
 */
bool worker_begin(struct call *call, int cpu, void (*work)(void *), void *argument);
void worker_wait(int cpu);

#endif
