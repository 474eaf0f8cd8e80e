/* SPDX-License-Identifier: MIT */
/* Forked children that serve the same operations over a socket until told to exit. */
#ifndef VFIO_MAP_CHILD_H
#define VFIO_MAP_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;

/* Hands the request's line to the child and its reply line to the caller; childGone when it ended meanwhile. */
void child_relay(struct call *call, uint64_t child, const char *line, size_t length);
/* Whether this process is such a child: then a request's 'child' was meant for its parent. */
bool child_is_self(void);

#endif
