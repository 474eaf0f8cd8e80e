// SPDX-License-Identifier: MIT
#include "park.h"

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cpus.h"
#include "sem-wait.h"

static char stack[65536] __attribute__((aligned(4096)));
static struct park_state state;
static volatile int spinning, stop;
static sem_t wanted, ended;
static bool running;

static void spin(void)
{
	register uint64_t first __asm__("r12") = state.r12;
	register uint64_t second __asm__("r13") = state.r13;

	__asm__ volatile("	movl	$1, %[spinning]\n"
			 "1:	pause\n"
			 "	cmpl	$0, %[stop]\n"
			 "	je	1b\n"
			 : [spinning] "=m"(spinning)
			 : [stop] "m"(stop), "r"(first), "r"(second)
			 : "cc", "memory");
}

static void *park_main(void *unused)
{
	(void)unused;
	state.tid = (int)syscall(SYS_gettid);
	sem_post(&ended);
	for (;;) {
		semaphore_wait(&wanted);
		cpu_pin(state.cpu);
		spin();
		spinning = 0;
		sem_post(&ended);
	}
	return NULL;
}

void park_start(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	sem_init(&wanted, 0, 0);
	sem_init(&ended, 0, 0);
	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, stack, sizeof(stack));
	if (pthread_create(&thread, &attributes, park_main, NULL) != 0) {
		perror("vfio-map: pthread_create");
		exit(70);
	}
	pthread_attr_destroy(&attributes);
	running = true;
	semaphore_wait(&ended);
}

void park_forget(void)
{
	running = false;
	spinning = 0;
}

void park(int cpu, uint64_t r12, uint64_t r13)
{
	if (!running)
		park_start();
	state.cpu = cpu;
	state.r12 = r12;
	state.r13 = r13;
	stop = 0;
	sem_post(&wanted);
	while (!spinning)
		sched_yield();
}

const struct park_state *parked(void)
{
	return spinning ? &state : NULL;
}

void unpark(void)
{
	stop = 1;
	semaphore_wait(&ended);
}
