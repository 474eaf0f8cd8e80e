/* SPDX-License-Identifier: MIT */
/* The operations, as README.md describes them. Each reads its arguments, acts, and writes one reply to `call`. */
#ifndef VFIO_MAP_OPS_H
#define VFIO_MAP_OPS_H

#include "call.h"

#define PAGE_SIZE 4096ul
/* More than any guest's RAM, less than what would overflow a sum of two. */
#define SIZE_LIMIT (UINT64_C(1) << 46)

typedef void operation(struct call *call);

/* process.c */
operation op_hello, op_settle, op_park, op_unpark, op_limit_memlock;
/* vfio.c */
operation op_open, op_close, op_map, op_unmap, op_unmap_all;
/* race.c */
operation op_map_while_given_up;
/* probe.c */
operation op_touch, op_touch_map_touch;
/* memory.c */
operation op_alloc, op_alias, op_free, op_mprotect, op_madvise, op_mremap, op_fill, op_pagemap;
/* share.c */
operation op_share;
/* device.c */
operation op_regions, op_region_map, op_config, op_bus_master, op_reset, op_edu_dma;
/* route.c */
operation op_route;
/* child.c */
operation op_fork, op_wait, op_kill;

/* What serve() knows, ended by a NULL name: each program that has the loop has a table of its own. */
struct named_operation {
	const char *name;
	operation *run;
};
extern const struct named_operation operations[];

/* The loop: reads lines from `in`, writes one reply line each to `out`, until end of file or the exit operation. */
void serve(int in, int out);

#endif
