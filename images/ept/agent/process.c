// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

struct process processes[PROCESS_COUNT];

struct process *process_find(unsigned int id)
{
	for (int i = 0; i < PROCESS_COUNT; i++)
		if (processes[i].used && processes[i].id == id)
			return &processes[i];
	return NULL;
}

static struct process *unused(void)
{
	for (int i = 0; i < PROCESS_COUNT; i++)
		if (!processes[i].used)
			return &processes[i];
	errno = EAGAIN;
	return NULL;
}

static _Noreturn void become(char **argv, int in, int out, int err, int report)
{
	sigset_t none;
	int problem;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(err, 2) >= 0)
		execvp(argv[0], argv);
	problem = errno;
	while (write(report, &problem, sizeof(problem)) < 0 && errno == EINTR)
		;
	_exit(127);
}

struct process *process_start(unsigned int id, char **argv)
{
	struct process *process = unused();
	int in[2], out[2], err[2], report[2], problem = 0;
	pid_t pid;

	if (!process)
		return NULL;
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC) || pipe2(report, O_CLOEXEC))
		return NULL;
	pid = fork();
	if (pid == 0)
		become(argv, in[0], out[1], err[1], report[1]);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	close(report[1]);
	/* Closed by a successful exec: then there is nothing to read. */
	if (pid < 0 || read(report[0], &problem, sizeof(problem)) == sizeof(problem)) {
		errno = pid < 0 ? errno : problem;
		close(in[1]);
		close(out[0]);
		close(err[0]);
		close(report[0]);
		return NULL;
	}
	close(report[0]);
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	*process = (struct process){
		.used = true, .id = id, .pid = pid, .in = in[1], .out = out[0], .err = err[0],
	};
	return process;
}

bool process_feed(struct process *process, const char *bytes, size_t length)
{
	unsigned char *grown = realloc(process->pending, process->pending_length + length + 1);

	if (!grown)
		return false;
	memcpy(grown + process->pending_length, bytes, length);
	process->pending = grown;
	process->pending_length += length;
	process_flush(process);
	return true;
}

static void close_input(struct process *process)
{
	close(process->in);
	process->in = -1;
	process->pending_length = 0;
}

void process_flush(struct process *process)
{
	while (process->in >= 0 && process->pending_length > 0) {
		ssize_t written = write(process->in, process->pending, process->pending_length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN)
			return;
		if (written < 0) {
			close_input(process);
			return;
		}
		process->pending_length -= (size_t)written;
		memmove(process->pending, process->pending + written, process->pending_length);
	}
	if (process->in >= 0 && process->end_of_input)
		close_input(process);
}

void process_forget(struct process *process)
{
	if (process->in >= 0)
		close(process->in);
	free(process->pending);
	*process = (struct process){ 0 };
}
