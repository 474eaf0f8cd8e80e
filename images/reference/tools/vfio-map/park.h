/* SPDX-License-Identifier: MIT */
/*
 * A thread that spins in user mode with marker values in two registers, so that the host, which stops the machine and
 * looks at every vCPU's registers, knows whose CR3 it sees. r12 and r13 survive nothing but this loop.
 */
#ifndef VFIO_MAP_PARK_H
#define VFIO_MAP_PARK_H

#include <stdbool.h>
#include <stdint.h>

struct park_state {
	int tid;
	int cpu;
	uint64_t r12, r13;
};

/* Makes the thread, once; it sleeps until park(). park_forget(): in a forked child, which does not have it. */
void park_start(void);
void park_forget(void);
/* Returns once the thread spins with the values loaded. */
void park(int cpu, uint64_t r12, uint64_t r13);
/* NULL while nothing is parked. */
const struct park_state *parked(void);
/* Returns once the thread has left the loop. */
void unpark(void);

#endif
