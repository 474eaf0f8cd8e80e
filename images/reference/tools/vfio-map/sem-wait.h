/* SPDX-License-Identifier: MIT */
#ifndef VFIO_MAP_SEM_WAIT_H
#define VFIO_MAP_SEM_WAIT_H

#include <errno.h>
#include <semaphore.h>

/* sem_wait() that a signal does not end. */
static inline void semaphore_wait(sem_t *semaphore)
{
	while (sem_wait(semaphore) != 0 && errno == EINTR)
		;
}

#endif
