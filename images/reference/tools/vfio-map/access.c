// SPDX-License-Identifier: MIT
#include "access.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static _Thread_local sigjmp_buf back;
static _Thread_local struct access *volatile current;
static _Thread_local timer_t timer;

/* Nothing can be reported on the protocol from here: this is a defect of the tool. */
static void die_of_own_fault(int number)
{
	static const char text[] = "vfio-map: a signal came outside of a guarded access\n";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)ignored;
	signal(number, SIG_DFL);
	raise(number);
	_exit(70);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	struct access *access = current;

	if (!access)
		die_of_own_fault(number);
	access->outcome = ACCESS_FAULT;
	access->signal = number;
	access->code = info->si_code;
	access->fault_address = (uint64_t)info->si_addr;
	access->error_code = (uint64_t)registers[REG_ERR];
	access->trap = (uint64_t)registers[REG_TRAPNO];
	access->ip = (uint64_t)registers[REG_RIP];
	siglongjmp(back, 1);
}

static void on_alarm(int number, siginfo_t *info, void *context)
{
	struct access *access = current;

	(void)number;
	(void)info;
	if (!access)
		return; /* the access was done just before */
	access->outcome = ACCESS_STALLED;
	access->ip = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	siglongjmp(back, 1);
}

static void take_over(int number, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART };

	sigemptyset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

void access_init_process(void)
{
	take_over(SIGSEGV, on_fault);
	take_over(SIGBUS, on_fault);
	take_over(SIGILL, on_fault);
	take_over(SIGTRAP, on_fault);
	take_over(SIGALRM, on_alarm);
}

void access_init_thread(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0)
		die_of_own_fault(SIGABRT);
}

static void set_timer(unsigned int milliseconds)
{
	struct itimerspec when = {
		.it_value = { .tv_sec = milliseconds / 1000, .tv_nsec = (long)(milliseconds % 1000) * 1000000 },
	};

	timer_settime(timer, 0, &when, NULL);
}

static uint64_t read_value(uint64_t address, unsigned int size)
{
	switch (size) {
	case 1:
		return *(volatile uint8_t *)address;
	case 2:
		return *(volatile uint16_t *)address;
	case 4:
		return *(volatile uint32_t *)address;
	default:
		return *(volatile uint64_t *)address;
	}
}

static void write_value(uint64_t address, unsigned int size, uint64_t value)
{
	switch (size) {
	case 1:
		*(volatile uint8_t *)address = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)address = (uint16_t)value;
		break;
	case 4:
		*(volatile uint32_t *)address = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)address = value;
	}
}

static void perform(struct access *access)
{
	switch (access->kind) {
	case ACCESS_READ:
		access->value = read_value(access->address, access->size);
		break;
	case ACCESS_WRITE:
		write_value(access->address, access->size, access->value);
		break;
	case ACCESS_EXECUTE:
		((void (*)(void))access->address)();
		break;
	}
}

void access_memory(struct access *access)
{
	if (sigsetjmp(back, 1) == 0) {
		current = access;
		set_timer(access->timeout_ms);
		perform(access);
		access->outcome = ACCESS_DONE;
	}
	current = NULL;
	set_timer(0);
}
