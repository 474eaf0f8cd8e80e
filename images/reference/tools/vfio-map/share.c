// SPDX-License-Identifier: MIT
/* Memory that the kernel or another program holds, too: what a process may do to it before it maps it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ops.h"

/* Its pages stay in a pipe until the process ends. */
static int to_pipe(void *start, uint64_t size)
{
	struct iovec part = { start, size };
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[1], F_SETPIPE_SZ, (int)size) < 0)
		return -1;
	return vmsplice(ends[1], &part, 1, 0) == (ssize_t)size ? 0 : -1;
}

/* The range's faults are the process's own to answer until it ends. */
static int register_faults(void *start, uint64_t size, uint64_t mode)
{
	struct uffdio_api api = { .api = UFFD_API, .features = mode == UFFDIO_REGISTER_MODE_WP ? UFFD_FEATURE_PAGEFAULT_FLAG_WP : 0 };
	struct uffdio_register area = { .range = { (uint64_t)start, size }, .mode = mode };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	return fd < 0 || ioctl(fd, UFFDIO_API, &api) != 0 || ioctl(fd, UFFDIO_REGISTER, &area) != 0 ? -1 : fd;
}

/* Every page comes as a copy by UFFDIO_COPY, as that of a VM that migrates does. */
static int by_userfault(void *start, uint64_t size)
{
	void *source = aligned_alloc(PAGE_SIZE, size);
	struct uffdio_copy copy = { .dst = (uint64_t)start, .src = (uint64_t)source, .len = size };
	int fd = register_faults(start, size, UFFDIO_REGISTER_MODE_MISSING), failed;

	if (fd < 0 || !source)
		return -1;
	memset(source, 0x5e, size);
	failed = ioctl(fd, UFFDIO_COPY, &copy);
	free(source);
	return failed;
}

/* Write-protected and released again, as for a snapshot of a running VM. */
static int by_write_protection(void *start, uint64_t size)
{
	struct uffdio_writeprotect protect = { .range = { (uint64_t)start, size }, .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	int fd = register_faults(start, size, UFFDIO_REGISTER_MODE_WP);

	if (fd < 0 || ioctl(fd, UFFDIO_WRITEPROTECT, &protect) != 0)
		return -1;
	protect.mode = 0;
	return ioctl(fd, UFFDIO_WRITEPROTECT, &protect);
}

/* A child takes the memory over as a fork does and is another program by the time that this returns. */
static int with_program(void *start, uint64_t size)
{
	int ends[2];
	char byte;
	pid_t pid;

	(void)start, (void)size;
	if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/bin/sleep", "sleep", "600", NULL);
		write(ends[1], "", 1);
		_exit(1);
	}
	close(ends[1]);
	/* The exec closes the other end. */
	if (read(ends[0], &byte, 1) != 0) {
		errno = ENOEXEC;
		return -1;
	}
	close(ends[0]);
	return 0;
}

void op_share(struct call *call)
{
	static const char *const words[] = { "pipe", "userfaultCopy", "userfaultProtect", "exec", NULL };
	static int (*const ways[])(void *start, uint64_t size) = { to_pipe, by_userfault, by_write_protection, with_program };
	uint64_t address, size;
	unsigned int way = 0;

	if (!arg_u64(call, "address", &address) || !arg_u64(call, "size", &size) ||
	    !arg_range(call, "size", size, 1, 1u << 20) || !arg_word(call, "way", words, &way) || !args_done(call))
		return;
	if (ways[way]((void *)address, size) != 0) {
		fail_errno(call, "system", errno, "%s of 0x%llx bytes at 0x%llx", words[way], (unsigned long long)size,
			   (unsigned long long)address);
		return;
	}
	reply_begin(call, true);
}
