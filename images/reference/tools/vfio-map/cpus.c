// SPDX-License-Identifier: MIT
#include "cpus.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "access.h"
#include "call.h"
#include "sem-wait.h"

#define STACK_SIZE 65536

struct worker {
	int cpu;
	bool running;
	sem_t wanted, done;
	void (*work)(void *);
	void *argument;
};

static int usable[CPUS_MAX], usable_count;
static struct worker workers[CPUS_MAX];
/* Static, so that the threads' stacks are part of what mlockall() locked and nothing grows later. */
static char stacks[CPUS_MAX][STACK_SIZE] __attribute__((aligned(4096)));

int cpus_usable(int cpus[CPUS_MAX])
{
	if (usable_count == 0) {
		cpu_set_t set;

		sched_getaffinity(0, sizeof(set), &set);
		for (int cpu = 0; cpu < CPU_SETSIZE && usable_count < CPUS_MAX; cpu++)
			if (CPU_ISSET(cpu, &set))
				usable[usable_count++] = cpu;
	}
	for (int i = 0; i < usable_count; i++)
		cpus[i] = usable[i];
	return usable_count;
}

int cpu_current(void)
{
	return sched_getcpu();
}

bool cpu_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

void cpu_unpin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < usable_count; i++)
		CPU_SET(usable[i], &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;

	cpu_pin(worker->cpu);
	access_init_thread();
	sem_post(&worker->done);
	for (;;) {
		semaphore_wait(&worker->wanted);
		worker->work(worker->argument);
		sem_post(&worker->done);
	}
	return NULL;
}

static void worker_start(int index)
{
	struct worker *worker = &workers[index];
	pthread_attr_t attributes;
	pthread_t thread;

	worker->cpu = usable[index];
	sem_init(&worker->wanted, 0, 0);
	sem_init(&worker->done, 0, 0);
	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, stacks[index], STACK_SIZE);
	if (pthread_create(&thread, &attributes, worker_main, worker) != 0) {
		perror("vfio-map: pthread_create");
		exit(70);
	}
	pthread_attr_destroy(&attributes);
	worker->running = true;
	semaphore_wait(&worker->done);
}

void workers_start(void)
{
	int cpus[CPUS_MAX], count = cpus_usable(cpus);

	for (int i = 0; i < count; i++)
		worker_start(i);
}

void workers_forget(void)
{
	for (int i = 0; i < CPUS_MAX; i++)
		workers[i].running = false;
}

static int index_of(int cpu)
{
	for (int i = 0; i < usable_count; i++)
		if (usable[i] == cpu)
			return i;
	return -1;
}

bool worker_begin(struct call *call, int cpu, void (*work)(void *), void *argument)
{
	int index = index_of(cpu);

	if (index < 0)
		return fail(call, "argument", "there is no vCPU %d that this process may use", cpu);
	if (!workers[index].running)
		worker_start(index);
	workers[index].work = work;
	workers[index].argument = argument;
	sem_post(&workers[index].wanted);
	return true;
}

void worker_wait(int cpu)
{
	semaphore_wait(&workers[index_of(cpu)].done);
}
