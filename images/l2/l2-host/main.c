// SPDX-License-Identifier: MIT
/*
 * l2-host: runs a guest of a few instructions under KVM, on request. It speaks vfio-map's protocol and does, beside KVM,
 * what that does to its own memory and to VFIO; ../README.md describes the operations. Ends with the exit operation or
 * with its stdin.
 */
#include <signal.h>
#include <unistd.h>

#include "access.h"
#include "cpus.h"
#include "ops.h"
#include "park.h"

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	access_init_process();
	access_init_thread();
	workers_start();
	park_start();
	serve(STDIN_FILENO, STDOUT_FILENO);
	/* Not exit(): the worker threads still use what its handlers would tear down. */
	_exit(0);
}
