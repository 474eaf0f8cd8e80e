/* SPDX-License-Identifier: MIT */
/*
 * A strict, bounded reader for one kind of JSON text: an object whose members are scalars.
 *
 * RFC 8259, less what requests to the guest tools never need: nested values, fractions, exponents, negative numbers
 * and text beyond ASCII are refused, not skipped.
 */
#ifndef VFIO_MAP_JSON_H
#define VFIO_MAP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_MEMBERS_MAX 24
/* The largest integer that every JSON reader keeps exactly. */
#define JSON_NUMBER_MAX ((UINT64_C(1) << 53) - 1)

enum json_type { JSON_NULL, JSON_BOOLEAN, JSON_NUMBER, JSON_STRING };

struct json_member {
	const char *name;
	enum json_type type;
	bool boolean;
	uint64_t number;
	const char *text; /* NUL-terminated, holds no NUL */
};

struct json_object {
	struct json_member members[JSON_MEMBERS_MAX];
	size_t count;
};

/*
 * Parses `text` (`length` bytes and a NUL after them) in place: names and strings of `object` point into it.
 * Returns NULL, or what is wrong; then *at is the offset of the byte where it was noticed.
 */
const char *json_parse(char *text, size_t length, struct json_object *object, size_t *at);

/* The member of that name, or NULL. */
const struct json_member *json_member(const struct json_object *object, const char *name);

#endif
