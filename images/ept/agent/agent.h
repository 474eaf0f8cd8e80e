/* SPDX-License-Identifier: MIT */
/* Parts of the serial agent: see main.c for the protocol. */
#ifndef AGENT_H
#define AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The longest request, its newline included, and the most bytes that a reply carries before they are encoded. */
enum { LINE_BYTES = 1 << 17, CHUNK_BYTES = 4096, PROCESS_COUNT = 32 };

/* escape.c: percent-encoding, so that any bytes are one word of one line. */
size_t escape(char *to, const unsigned char *from, size_t length);
/* Decodes in place. Returns the length, or -1 for what is no encoding. */
ssize_t unescape(char *text);

/* line.c: the serial line. */
int line_open(const char *path);
void line_send(int line, const char *kind, unsigned int id, const unsigned char *bytes, size_t length);
/* Reads what there is. Calls `take` for each whole line; longer ones than LINE_BYTES are dropped whole. */
void line_receive(int line, void (*take)(int line, char *text));

/* process.c: what runs for the host. */
struct process {
	bool used;
	unsigned int id;
	pid_t pid;
	bool reaped;
	int status;
	int in, out, err;
	/* What the process has not read of its stdin yet. */
	unsigned char *pending;
	size_t pending_length;
	bool end_of_input;
};

extern struct process processes[PROCESS_COUNT];

struct process *process_find(unsigned int id);
/* Returns NULL with errno set. The process leads a session of its own. */
struct process *process_start(unsigned int id, char **argv);
bool process_feed(struct process *process, const char *bytes, size_t length);
/* Writes what is pending, and closes stdin when that was asked for and all is written. */
void process_flush(struct process *process);
void process_forget(struct process *process);

#endif
