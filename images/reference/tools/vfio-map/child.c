// SPDX-License-Identifier: MIT
#include "child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access.h"
#include "cpus.h"
#include "ops.h"
#include "park.h"

#define CHILDREN_MAX 16
#define WAIT_LIMIT_MS 60000

static struct child {
	pid_t pid; /* 0 when the slot is free */
	int socket;
} children[CHILDREN_MAX];
static bool is_child;

bool child_is_self(void)
{
	return is_child;
}

static struct child *child_of(struct call *call, uint64_t number)
{
	if (number >= 1 && number <= CHILDREN_MAX && children[number - 1].pid != 0)
		return &children[number - 1];
	fail(call, "noSuchChild", "there is no child %llu", (unsigned long long)number);
	return NULL;
}

static void serve_as_child(int socket)
{
	is_child = true;
	/* No process outlives the tool. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == 1)
		_exit(1);
	for (struct child *other = children; other < children + CHILDREN_MAX; other++) {
		if (other->pid != 0)
			close(other->socket);
		other->pid = 0;
	}
	workers_forget();
	park_forget();
	access_init_thread();
	serve(socket, socket);
	_exit(0);
}

void op_fork(struct call *call)
{
	int slot = 0, pair[2];
	pid_t pid;

	if (!args_done(call))
		return;
	while (slot < CHILDREN_MAX && children[slot].pid != 0)
		slot++;
	if (is_child || slot == CHILDREN_MAX) {
		fail(call, "limit", is_child ? "a child does not fork" : "there are %d children already", CHILDREN_MAX);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		fail_errno(call, "system", errno, "socketpair");
		return;
	}
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		serve_as_child(pair[1]);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		fail_errno(call, "system", errno, "fork");
		return;
	}
	children[slot] = (struct child){ .pid = pid, .socket = pair[0] };
	reply_begin(call, true);
	reply_number(call, "child", (uint64_t)slot + 1);
	reply_number(call, "pid", (uint64_t)pid);
}

static bool send_line(const struct child *child, const char *line, size_t length)
{
	struct iovec parts[] = { { (void *)line, length }, { "\n", 1 } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	/* A line is smaller than a socket's buffer, so it goes in one piece. */
	return sendmsg(child->socket, &message, MSG_NOSIGNAL) == (ssize_t)length + 1;
}

/* Reads one line into call->reply; false at end of file. */
static bool receive_line(struct call *call, const struct child *child)
{
	call->length = 0;
	while (call->length < sizeof(call->reply)) {
		ssize_t got = read(child->socket, call->reply + call->length, sizeof(call->reply) - call->length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		call->length += (size_t)got;
		if (call->reply[call->length - 1] == '\n')
			return true;
	}
	return false;
}

void child_relay(struct call *call, uint64_t number, const char *line, size_t length)
{
	struct child *child = child_of(call, number);

	if (!child)
		return;
	if (!send_line(child, line, length) || !receive_line(call, child)) {
		fail(call, "childGone", "child %llu (pid %d) ended: the wait operation says how",
		     (unsigned long long)number, child->pid);
		return;
	}
	call->length -= 2; /* reply_end() writes the closing brace and the newline again */
	call->overflow = false;
}

/* Waits up to the deadline for the child to end; its slot is free afterwards. */
void op_wait(struct call *call)
{
	uint64_t number, timeout = 5000;
	struct pollfd ended = { .events = POLLIN };
	struct child *child;
	int status, ready;

	if (!arg_u64(call, "child", &number) || !arg_u64_optional(call, "timeoutMs", &timeout) ||
	    !arg_range(call, "timeoutMs", timeout, 0, WAIT_LIMIT_MS) || !args_done(call))
		return;
	child = child_of(call, number);
	if (!child)
		return;
	ended.fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	do
		ready = poll(&ended, 1, (int)timeout);
	while (ready < 0 && errno == EINTR);
	close(ended.fd);
	if (ready == 0) {
		fail(call, "timeout", "child %llu (pid %d) is still there after %llu ms", (unsigned long long)number,
		     child->pid, (unsigned long long)timeout);
		return;
	}
	waitpid(child->pid, &status, 0);
	close(child->socket);
	child->pid = 0;
	reply_begin(call, true);
	if (WIFSIGNALED(status)) {
		char name[16];

		snprintf(name, sizeof(name), "SIG%.10s", sigabbrev_np(WTERMSIG(status)));
		reply_text(call, "signal", name);
	} else {
		reply_number(call, "exitCode", (uint64_t)WEXITSTATUS(status));
	}
}

void op_kill(struct call *call)
{
	uint64_t number;
	struct child *child;

	if (!arg_u64(call, "child", &number) || !args_done(call))
		return;
	child = child_of(call, number);
	if (!child)
		return;
	kill(child->pid, SIGKILL);
	reply_begin(call, true);
}
