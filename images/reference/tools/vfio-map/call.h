/* SPDX-License-Identifier: MIT */
/*
 * One request and its reply: typed access to the request's members, and a writer for the reply's line.
 *
 * An operation reads all its arguments first, then says args_done(), and only then acts: a request with a missing,
 * mistyped or unknown member changes nothing. Every function that returns false has already written the failure.
 */
#ifndef VFIO_MAP_CALL_H
#define VFIO_MAP_CALL_H

#include "json.h"

#define REPLY_MAX 65536

struct call {
	struct json_object request;
	bool seen[JSON_MEMBERS_MAX]; /* asked for by the operation */
	bool has_id;
	uint64_t id;
	char reply[REPLY_MAX];
	size_t length;
	bool overflow;
	bool failed;
};

/* Arguments. Optional ones leave *value as it is when the member is absent. */
bool arg_has(struct call *call, const char *name);
/* A number, or a string "0x..." of up to 64 bits. */
bool arg_u64(struct call *call, const char *name, uint64_t *value);
bool arg_u64_optional(struct call *call, const char *name, uint64_t *value);
bool arg_bool_optional(struct call *call, const char *name, bool *value);
bool arg_text(struct call *call, const char *name, const char **value);
bool arg_text_optional(struct call *call, const char *name, const char **value);
/* *value becomes the index in `words` (ended by NULL). */
bool arg_word(struct call *call, const char *name, const char *const *words, unsigned int *value);
bool arg_word_optional(struct call *call, const char *name, const char *const *words, unsigned int *value);
/* False when the number lies outside low..high. */
bool arg_range(struct call *call, const char *name, uint64_t value, uint64_t low, uint64_t high);
/* False when the request has a member that nobody asked for. */
bool args_done(struct call *call);

/* The reply. A name of NULL writes an element of an array. */
void reply_begin(struct call *call, bool ok);
void reply_number(struct call *call, const char *name, uint64_t value); /* at most 2^53 - 1 */
void reply_hex(struct call *call, const char *name, uint64_t value); /* as a string "0x..." */
void reply_text(struct call *call, const char *name, const char *value);
void reply_bool(struct call *call, const char *name, bool value);
void reply_open(struct call *call, const char *name, char bracket); /* '{' or '[' */
void reply_close(struct call *call, char bracket); /* '}' or ']' */
/* Ends the line; call->reply is then call->length bytes with the newline. */
void reply_end(struct call *call);

/*
 * Replaces the reply by a failure: `kind` for programs (see README.md), the rest for people: what was tried.
 * fail_errno adds the error's name and number. Both return false.
 */
bool fail(struct call *call, const char *kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool fail_errno(struct call *call, const char *kind, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
