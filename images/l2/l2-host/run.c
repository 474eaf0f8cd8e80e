// SPDX-License-Identifier: MIT
/* Runs the vCPU and tells what it came out for. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

#define TIMEOUT_MS 10000
#define EXITS_MAX 256

/* A signal that comes before KVM_RUN is entered ends it all the same. */
static void on_timer(int number)
{
	(void)number;
	if (vm.made)
		vm.run->immediate_exit = 1;
}

static bool set_timer(timer_t timer, uint64_t ms)
{
	struct itimerspec when = {
		.it_value = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * 1000000) },
	};

	return timer_settime(timer, 0, &when, NULL) == 0;
}

static bool make_timer(timer_t *timer)
{
	struct sigaction action = { .sa_handler = on_timer };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };

	event._sigev_un._tid = gettid();
	return sigaction(SIGUSR1, &action, NULL) == 0 && timer_create(CLOCK_MONOTONIC, &event, timer) == 0;
}

/* The data of an exit for port I/O lies in the page of the vCPU, behind what describes it. */
static void *io_data(void)
{
	return (char *)vm.run + vm.run->io.data_offset;
}

/* A read that the guest waits for gets `value`. */
static void answer_read(uint64_t value)
{
	struct kvm_run *run = vm.run;

	if (run->exit_reason == KVM_EXIT_MMIO && !run->mmio.is_write)
		memcpy(run->mmio.data, &value, sizeof(value));
	if (run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_IN && run->io.count == 1)
		memcpy(io_data(), &value, run->io.size);
}

static void tell_value(struct call *call, const void *data, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, data, size < sizeof(value) ? size : sizeof(value));
	reply_hex(call, "value", value);
}

static void tell_mmio(struct call *call, const struct kvm_run *run)
{
	reply_text(call, "exit", "mmio");
	reply_hex(call, "address", run->mmio.phys_addr);
	reply_number(call, "size", run->mmio.len);
	reply_bool(call, "write", run->mmio.is_write);
	if (run->mmio.is_write)
		tell_value(call, run->mmio.data, run->mmio.len);
}

static void tell_io(struct call *call, const struct kvm_run *run)
{
	bool write = run->io.direction == KVM_EXIT_IO_OUT;

	reply_text(call, "exit", "io");
	reply_number(call, "port", run->io.port);
	reply_number(call, "size", run->io.size);
	reply_bool(call, "write", write);
	if (write && run->io.count == 1)
		tell_value(call, io_data(), run->io.size);
}

/* Returns whether the guest may be run on without a word from the caller. */
static bool tell_exit(struct call *call, int error)
{
	const struct kvm_run *run = vm.run;

	if (error == EINTR) {
		reply_text(call, "exit", "timeout");
		return false;
	}
	if (error) {
		const char *name = strerrorname_np(error);

		reply_text(call, "exit", "error");
		reply_text(call, "errno", name ? name : "unknown");
		return false;
	}
	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		tell_mmio(call, run);
		return true;
	case KVM_EXIT_IO:
		tell_io(call, run);
		return true;
	case KVM_EXIT_HLT:
		reply_text(call, "exit", "hlt");
		return false;
	case KVM_EXIT_SHUTDOWN:
		reply_text(call, "exit", "shutdown");
		return false;
	case KVM_EXIT_FAIL_ENTRY:
		reply_text(call, "exit", "failEntry");
		reply_hex(call, "reason", run->fail_entry.hardware_entry_failure_reason);
		return false;
	case KVM_EXIT_INTERNAL_ERROR:
		reply_text(call, "exit", "internalError");
		reply_number(call, "suberror", run->internal.suberror);
		return false;
	default:
		reply_text(call, "exit", "other");
		reply_number(call, "reason", run->exit_reason);
		return false;
	}
}

/*
 * Runs until the vCPU has come out `exits` times, or for something that needs the caller: a halt, a shutdown, an error, the
 * time-out. Every read of a device is answered with `value`; the one with which the reply ends is answered by the next run.
 */
void op_run(struct call *call)
{
	uint64_t exits = 1, value = 0, timeout_ms = TIMEOUT_MS;
	timer_t timer;

	if (!arg_u64_optional(call, "exits", &exits) || !arg_range(call, "exits", exits, 1, EXITS_MAX) ||
	    !arg_u64_optional(call, "value", &value) || !arg_u64_optional(call, "timeoutMs", &timeout_ms) ||
	    !arg_range(call, "timeoutMs", timeout_ms, 1, 600000) || !args_done(call) || !vm_is_there(call))
		return;
	if (!make_timer(&timer)) {
		fail_errno(call, "system", errno, "a timer for the time-out");
		return;
	}
	vm.run->immediate_exit = 0;
	set_timer(timer, timeout_ms);
	reply_begin(call, true);
	reply_open(call, "exits", '[');
	for (bool goes_on = true; goes_on && exits > 0; exits--) {
		int result;

		answer_read(value);
		result = ioctl(vm.vcpu_fd, KVM_RUN, 0);
		reply_open(call, NULL, '{');
		goes_on = tell_exit(call, result == 0 ? 0 : errno);
		reply_close(call, '}');
	}
	reply_close(call, ']');
	timer_delete(timer);
}
