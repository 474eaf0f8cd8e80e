// SPDX-License-Identifier: MIT
/*
 * The serial agent: runs programs in the guest for a host at the other end of a serial line. One line is one message, its words
 * are separated by one space, and every word that may be anything is percent-encoded.
 *
 *	start ID ARG...     starts a program in a session of its own; ID is a number of the host's choice
 *	in ID BYTES         for its stdin
 *	eof ID              closes its stdin
 *	kill ID             kills it and its session's processes
 *
 *	hello VERSION PID   the agent is ready; said once
 *	out ID BYTES        from its stdout
 *	err ID BYTES        from its stderr
 *	exit ID CODE        it has ended and all its output was sent; 128 + n for signal n; 127 when it could not be started
 *
 * What outlives a program's end with its stdout open keeps `exit` back: the host kills it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

enum { VERSION = 1, MAX_ARGUMENTS = 64 };

static void tell_end(int line, unsigned int id, int code)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", code);

	line_send(line, "exit", id, (unsigned char *)text, (size_t)length);
}

static void refuse(int line, unsigned int id, const char *why)
{
	line_send(line, "err", id, (const unsigned char *)why, strlen(why));
	tell_end(line, id, 127);
}

static void start(int line, unsigned int id, char *rest)
{
	char *argv[MAX_ARGUMENTS + 1];
	int count = 0;

	for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
		if (count == MAX_ARGUMENTS || unescape(word) < 0) {
			refuse(line, id, "the arguments came garbled, or are too many\n");
			return;
		}
		argv[count++] = word;
	}
	argv[count] = NULL;
	if (count == 0 || process_find(id)) {
		refuse(line, id, "no program, or an ID that is taken\n");
		return;
	}
	if (!process_start(id, argv)) {
		char why[256];

		snprintf(why, sizeof(why), "%.180s: %s\n", argv[0], strerror(errno));
		refuse(line, id, why);
	}
}

static void take(int line, char *text)
{
	char *verb = strsep(&text, " ");
	char *number = strsep(&text, " ");
	unsigned int id = number ? (unsigned int)strtoul(number, NULL, 10) : 0;
	struct process *process;
	ssize_t length;

	if (!number)
		return;
	if (strcmp(verb, "start") == 0) {
		start(line, id, text);
		return;
	}
	/* It may have ended while this was on its way. */
	process = process_find(id);
	if (!process)
		return;
	if (strcmp(verb, "in") == 0 && text) {
		length = unescape(text);
		if (length < 0 || !process_feed(process, text, (size_t)length))
			kill(-process->pid, SIGKILL);
	} else if (strcmp(verb, "eof") == 0) {
		process->end_of_input = true;
		process_flush(process);
	} else if (strcmp(verb, "kill") == 0) {
		kill(-process->pid, SIGKILL);
	}
}

static void pass_on(int line, const char *kind, struct process *process, int *from)
{
	unsigned char bytes[CHUNK_BYTES];
	ssize_t length = read(*from, bytes, sizeof(bytes));

	if (length > 0) {
		line_send(line, kind, process->id, bytes, (size_t)length);
	} else if (length == 0 || errno != EINTR) {
		close(*from);
		*from = -1;
	}
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < PROCESS_COUNT; i++)
			if (processes[i].used && processes[i].pid == pid) {
				processes[i].reaped = true;
				processes[i].status = status;
			}
}

static void tell_ends(int line)
{
	for (int i = 0; i < PROCESS_COUNT; i++) {
		struct process *process = &processes[i];

		if (!process->used || !process->reaped || process->out >= 0 || process->err >= 0)
			continue;
		tell_end(line, process->id,
			 WIFEXITED(process->status) ? WEXITSTATUS(process->status) : 128 + WTERMSIG(process->status));
		process_forget(process);
	}
}

static void on_child(int number)
{
	(void)number;
}

static void serve(int line)
{
	sigset_t child, none;

	/* A child's end interrupts the wait below, and nothing else. */
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = on_child }, NULL);
	sigemptyset(&none);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	for (;;) {
		struct pollfd fds[1 + 3 * PROCESS_COUNT] = { { .fd = line, .events = POLLIN } };

		reap();
		tell_ends(line);
		for (int i = 0; i < PROCESS_COUNT; i++) {
			struct process *process = &processes[i];
			bool used = process->used;

			fds[1 + 3 * i] = (struct pollfd){ .fd = used ? process->out : -1, .events = POLLIN };
			fds[2 + 3 * i] = (struct pollfd){ .fd = used ? process->err : -1, .events = POLLIN };
			fds[3 + 3 * i] = (struct pollfd){
				.fd = used && process->pending_length > 0 ? process->in : -1, .events = POLLOUT
			};
		}
		if (ppoll(fds, 1 + 3 * PROCESS_COUNT, NULL, &none) < 0)
			continue;
		for (int i = 0; i < PROCESS_COUNT; i++) {
			if (fds[1 + 3 * i].revents)
				pass_on(line, "out", &processes[i], &processes[i].out);
			if (fds[2 + 3 * i].revents)
				pass_on(line, "err", &processes[i], &processes[i].err);
			if (fds[3 + 3 * i].revents)
				process_flush(&processes[i]);
		}
		/* Last: it may start a process in a slot whose entries above are another's. */
		if (fds[0].revents)
			line_receive(line, take);
	}
}

int main(int argc, char **argv)
{
	char pid[16];
	int line = argc == 2 ? line_open(argv[1]) : -1;

	if (line < 0) {
		perror(argc == 2 ? argv[1] : "usage: serial-agent TTY");
		return 1;
	}
	snprintf(pid, sizeof(pid), "%d", getpid());
	line_send(line, "hello", VERSION, (unsigned char *)pid, strlen(pid));
	serve(line);
}
