// SPDX-License-Identifier: MIT
// Linked into every program of a spec's: what it prints is there with each line, though its stdout is a pipe.
#include <stdio.h>

__attribute__((constructor)) static void line_buffered(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
}
