// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "ops.h"

#define LINE_MAX_BYTES 16384

/* Static: nothing is allocated per request, so the address space stays as settle left it. */
static struct call call;
static char line[LINE_MAX_BYTES + 1];
/* The line as it came, for a child: parsing unescapes in place. */
static char original[LINE_MAX_BYTES + 1];

static void write_all(int out, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(out, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			_exit(1); /* nobody listens any more */
		bytes += written;
		length -= (size_t)written;
	}
}

static void answer(int out)
{
	reply_end(&call);
	write_all(out, call.reply, call.length);
}

/* Returns true for the exit operation. */
static bool dispatch(size_t length)
{
	const char *op = NULL;
	uint64_t child = 0;

	if (!arg_text(&call, "op", &op) || !arg_u64_optional(&call, "child", &child))
		return false;
	if (child != 0 && !child_is_self() && strcmp(op, "wait") != 0 && strcmp(op, "kill") != 0) {
		child_relay(&call, child, original, length);
		return false;
	}
	if (strcmp(op, "exit") == 0) {
		if (!args_done(&call))
			return false;
		reply_begin(&call, true);
		return true;
	}
	for (const struct named_operation *each = operations; each->name; each++) {
		if (strcmp(op, each->name) == 0) {
			each->run(&call);
			return false;
		}
	}
	fail(&call, "unknownOperation", "there is no operation '%s'", op);
	return false;
}

static bool handle(size_t length)
{
	const struct json_member *id;
	const char *wrong;
	size_t at;

	memcpy(original, line, length + 1);
	memset(call.seen, 0, sizeof(call.seen));
	call.has_id = false;
	call.length = 0;
	wrong = json_parse(line, length, &call.request, &at);
	if (wrong)
		return fail(&call, "malformed", "byte %zu: %s", at, wrong);
	id = json_member(&call.request, "id");
	if (!id || id->type != JSON_NUMBER)
		return fail(&call, "malformed", "'id' must be a whole number");
	call.has_id = true;
	call.id = id->number;
	arg_has(&call, "id");
	return dispatch(length);
}

void serve(int in, int out)
{
	size_t length = 0;
	bool too_long = false;

	for (;;) {
		char *end;
		ssize_t got;

		/* A whole line is handled before more is read, and what follows it is kept. */
		while ((end = memchr(line, '\n', length))) {
			static char rest[LINE_MAX_BYTES];
			size_t used = (size_t)(end - line), left = length - used - 1;
			bool done = false;

			memcpy(rest, end + 1, left);
			line[used] = '\0';
			if (too_long)
				call.has_id = false, fail(&call, "malformed", "a line is longer than %d bytes",
							  LINE_MAX_BYTES);
			else
				done = handle(used);
			too_long = false;
			answer(out);
			if (done)
				return;
			memcpy(line, rest, left);
			length = left;
		}
		if (length == LINE_MAX_BYTES) {
			too_long = true;
			length = 0;
		}
		got = read(in, line + length, LINE_MAX_BYTES - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return;
		length += (size_t)got;
	}
}
