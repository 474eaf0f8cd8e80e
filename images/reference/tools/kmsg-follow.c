// SPDX-License-Identifier: MIT
/*
 * Prints the kernel's log from its oldest record on, as /dev/kmsg gives it, and goes on with what is logged from then on.
 *
 *	kmsg-follow [--once] [--without TEXT]
 *
 * Unlike `cat /dev/kmsg` it survives an overrun: when the ring buffer overwrote records that were not read yet, read(2) gives
 * EPIPE once and the next record is the oldest that is left. Then a line `!EPIPE` is printed in that place.
 *
 * --once ends at the log's present end. --without leaves out the records that contain TEXT.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* CONSOLE_EXT_LOG_MAX (include/linux/printk.h) is 8192: no record is longer. */
#define RECORD_MAX 8192

static char out[16 * RECORD_MAX];
static size_t pending;

static void flush_out(void)
{
	size_t done = 0;

	while (done < pending) {
		ssize_t n = write(STDOUT_FILENO, out + done, pending - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			_exit(1);	/* nobody reads any more */
		done += (size_t)n;
	}
	pending = 0;
}

static void print(const char *text, size_t length)
{
	if (pending + length > sizeof(out))
		flush_out();
	memcpy(out + pending, text, length);
	pending += length;
}

/* Waits for a record. Returns false when whoever reads this program's output is gone. */
static bool wait_for_record(int kmsg)
{
	struct pollfd fds[] = {
		{ .fd = kmsg, .events = POLLIN },
		{ .fd = STDOUT_FILENO },	/* errors alone */
	};

	while (poll(fds, 2, -1) < 0) {
		if (errno != EINTR)
			return false;
	}
	return (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
}

int main(int argc, char **argv)
{
	static char record[RECORD_MAX];
	const char *without = NULL;
	bool once = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--once") == 0) {
			once = true;
		} else if (strcmp(argv[i], "--without") == 0 && i + 1 < argc) {
			without = argv[++i];
		} else {
			fprintf(stderr, "Usage: kmsg-follow [--once] [--without TEXT]\n");
			return 2;
		}
	}

	int kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (kmsg < 0) {
		perror("kmsg-follow: /dev/kmsg");
		return 1;
	}
	for (;;) {
		ssize_t length = read(kmsg, record, sizeof(record));

		if (length > 0) {
			if (!without || !memmem(record, (size_t)length, without, strlen(without)))
				print(record, (size_t)length);
		} else if (length == 0) {
			break;
		} else if (errno == EPIPE) {
			print("!EPIPE\n", strlen("!EPIPE\n"));
		} else if (errno == EAGAIN) {
			flush_out();
			if (once)
				return 0;
			if (!wait_for_record(kmsg))
				return 0;
		} else if (errno != EINTR) {
			flush_out();
			perror("kmsg-follow: /dev/kmsg");
			return 1;
		}
	}
	flush_out();
	return 0;
}
