// SPDX-License-Identifier: MIT
/*
 * Prints the kernel's log from its oldest record on, as /dev/kmsg gives it, and goes on with what is logged from then on.
 *
 *	kmsg-follow [--once] [--marks] [--without TEXT]
 *
 * Unlike `cat /dev/kmsg` it survives an overrun: when the ring buffer overwrote records that were not read yet, read(2) gives
 * EPIPE once and the next record is the oldest that is left. Then a line `!EPIPE` is printed in that place.
 *
 * --once ends at the log's present end. --marks writes each line of stdin to the log, with ", tainted N" behind it, N being the
 * kernel's taint at that moment; it ends with stdin. --without prints of records that contain TEXT all but the text, until stdin has
 * the line "!all".
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
/* Bytes of a mark: a record that is written has 976 at most (LOG_LINE_MAX, kernel/printk/printk.c of 6.1). */
#define MARK_MAX 512

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

/* Of records that contain this, the text is left out. */
static const char *without;

/* Prints a record, or its header, which goes as far as the first semicolon. */
static void print_record(const char *record, size_t length)
{
	const char *text = memchr(record, ';', length);

	if (text && without && memmem(record, length, without, strlen(without))) {
		print(record, (size_t)(text + 1 - record));
		print("\n", 1);
	} else {
		print(record, length);
	}
}

/* Writes a mark. The kernel lets through ten records of an open file in five seconds (printk_devkmsg): each has one of its own. */
static bool write_mark(const char *line)
{
	char taint[32] = "?", mark[MARK_MAX + 64];
	FILE *tainted = fopen("/proc/sys/kernel/tainted", "re");
	int kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC), length;
	bool written;

	if (tainted) {
		if (fscanf(tainted, "%31s", taint) != 1)
			taint[0] = '?';
		fclose(tainted);
	}
	length = snprintf(mark, sizeof(mark), "%.*s, tainted %s\n", MARK_MAX, line, taint);
	written = kmsg >= 0 && write(kmsg, mark, (size_t)length) == length;
	if (!written)
		perror("kmsg-follow: a mark");
	if (kmsg >= 0)
		close(kmsg);
	return written;
}

/* Does what whole lines of stdin say. Returns false at its end, and when a mark cannot be written. */
static bool obey(void)
{
	static char lines[4 * MARK_MAX];
	static size_t held;
	ssize_t got = read(STDIN_FILENO, lines + held, sizeof(lines) - 1 - held);
	char *end;

	if (got < 0)
		return errno == EINTR || errno == EAGAIN;
	held += (size_t)got;
	while ((end = memchr(lines, '\n', held))) {
		size_t length = (size_t)(end + 1 - lines);

		*end = '\0';
		if (strcmp(lines, "!all") == 0)
			without = NULL;
		else if (!write_mark(lines))
			return false;
		held -= length;
		memmove(lines, end + 1, held);
	}
	return got > 0 && held < sizeof(lines) - 1;
}

/* Waits for something to do, at most so many ms. Returns false when whoever reads this program's output, or commands it, is gone. */
static bool wait_for_more(int kmsg, bool marks, int timeout)
{
	struct pollfd fds[] = {
		{ .fd = kmsg, .events = POLLIN },
		{ .fd = STDOUT_FILENO },	/* errors alone */
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};

	while (poll(fds, marks ? 3 : 2, timeout) < 0) {
		if (errno != EINTR)
			return false;
	}
	if (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL))
		return false;
	return !marks || fds[2].revents == 0 || obey();
}

int main(int argc, char **argv)
{
	static char record[RECORD_MAX];
	bool once = false, marks = false;
	unsigned int records = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--once") == 0) {
			once = true;
		} else if (strcmp(argv[i], "--marks") == 0) {
			marks = true;
		} else if (strcmp(argv[i], "--without") == 0 && i + 1 < argc) {
			without = argv[++i];
		} else {
			fprintf(stderr, "Usage: kmsg-follow [--once] [--marks] [--without TEXT]\n");
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
			print_record(record, (size_t)length);
			/* Also while the log grows faster than it is read. */
			if (++records % 256 == 0 && !wait_for_more(kmsg, marks, 0))
				break;
		} else if (length == 0) {
			break;
		} else if (errno == EPIPE) {
			print("!EPIPE\n", strlen("!EPIPE\n"));
		} else if (errno == EAGAIN) {
			flush_out();
			if (once || !wait_for_more(kmsg, marks, -1))
				break;
		} else if (errno != EINTR) {
			flush_out();
			perror("kmsg-follow: /dev/kmsg");
			return 1;
		}
	}
	flush_out();
	return 0;
}
