/* SPDX-License-Identifier: MIT */
/* One access to memory in user mode that survives whatever comes of it. */
#ifndef VFIO_MAP_ACCESS_H
#define VFIO_MAP_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

struct call;

enum access_kind { ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE };
extern const char *const access_kind_words[];

enum access_outcome {
	ACCESS_DONE,
	ACCESS_FAULT, /* a signal came */
	ACCESS_STALLED, /* neither done nor signalled within the timeout: it faults for ever */
};

struct access {
	enum access_kind kind;
	uint64_t address;
	unsigned int size; /* 1, 2, 4 or 8 bytes; not used to execute */
	uint64_t value; /* written, or what was read */
	unsigned int timeout_ms; /* CPU time of the thread, so that a busy host does not look like a stall */

	enum access_outcome outcome;
	int signal; /* SIGSEGV, SIGBUS, SIGILL or SIGTRAP */
	int code; /* si_code */
	uint64_t error_code; /* of the exception: x86 #PF bits (SDM vol. 3, 4.7) when trap is 14 */
	uint64_t trap; /* exception's vector */
	uint64_t fault_address; /* CR2 as the kernel passes it on */
	uint64_t ip;
};

#define ACCESS_TIMEOUT_MS 100
#define ACCESS_TIMEOUT_MS_MAX 10000

/* Once per process: takes over the signals. Once per thread, and again in a forked child: makes its timer. */
void access_init_process(void);
void access_init_thread(void);

/* Does it on the calling thread and fills in the outcome. Executing calls the address: a `ret` (0xc3) must be there. */
void access_memory(struct access *access);

/* Reads 'access', 'value' and 'timeoutMs'; the size becomes 8 bytes and the address is for the caller to set. */
bool access_from_request(struct call *call, struct access *access);
/* Writes 'outcome' and what belongs to it. */
void access_to_reply(struct call *call, const struct access *access);

#endif
