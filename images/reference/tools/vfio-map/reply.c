// SPDX-License-Identifier: MIT
#include "call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void put(struct call *call, const char *text, size_t length)
{
	/* Room for what reply_end() writes is always kept. */
	if (call->length + length > sizeof(call->reply) - 8) {
		call->overflow = true;
		return;
	}
	memcpy(call->reply + call->length, text, length);
	call->length += length;
}

static void put_text(struct call *call, const char *text)
{
	put(call, text, strlen(text));
}

static void put_string(struct call *call, const char *text)
{
	put(call, "\"", 1);
	for (; *text; text++) {
		char escape[8];

		if (*text == '"' || *text == '\\')
			snprintf(escape, sizeof(escape), "\\%c", *text);
		else if (*text >= 0x20 && *text <= 0x7e)
			snprintf(escape, sizeof(escape), "%c", *text);
		else
			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned char)*text);
		put_text(call, escape);
	}
	put(call, "\"", 1);
}

/* The comma before a member or element, and the member's name. */
static void put_name(struct call *call, const char *name)
{
	char last = call->reply[call->length - 1];

	if (last != '{' && last != '[')
		put(call, ",", 1);
	if (name) {
		put_string(call, name);
		put(call, ":", 1);
	}
}

void reply_begin(struct call *call, bool ok)
{
	call->length = 0;
	call->overflow = false;
	call->failed = !ok;
	put(call, "{", 1);
	if (call->has_id) {
		reply_number(call, "id", call->id);
	} else {
		put_name(call, "id");
		put_text(call, "null");
	}
	reply_bool(call, "ok", ok);
}

void reply_number(struct call *call, const char *name, uint64_t value)
{
	char digits[24];

	put_name(call, name);
	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
	put_text(call, digits);
}

void reply_hex(struct call *call, const char *name, uint64_t value)
{
	char digits[24];

	put_name(call, name);
	snprintf(digits, sizeof(digits), "\"0x%llx\"", (unsigned long long)value);
	put_text(call, digits);
}

void reply_text(struct call *call, const char *name, const char *value)
{
	put_name(call, name);
	put_string(call, value);
}

void reply_bool(struct call *call, const char *name, bool value)
{
	put_name(call, name);
	put_text(call, value ? "true" : "false");
}

void reply_open(struct call *call, const char *name, char bracket)
{
	put_name(call, name);
	put(call, &bracket, 1);
}

void reply_close(struct call *call, char bracket)
{
	put(call, &bracket, 1);
}

void reply_end(struct call *call)
{
	if (call->overflow)
		fail(call, "tooLarge", "the reply is longer than %d bytes: ask for less at once", REPLY_MAX);
	memcpy(call->reply + call->length, "}\n", 2);
	call->length += 2;
}

static void put_failure(struct call *call, const char *kind, int error, const char *format, va_list values)
{
	char message[1024];

	vsnprintf(message, sizeof(message), format, values);
	reply_begin(call, false);
	reply_open(call, "error", '{');
	reply_text(call, "kind", kind);
	if (error) {
		const char *name = strerrorname_np(error);

		reply_text(call, "errno", name ? name : "unknown");
		reply_number(call, "number", (uint64_t)error);
		reply_text(call, "meaning", strerrordesc_np(error) ? strerrordesc_np(error) : "unknown");
	}
	reply_text(call, "tried", message);
	reply_close(call, '}');
}

bool fail(struct call *call, const char *kind, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	put_failure(call, kind, 0, format, values);
	va_end(values);
	return false;
}

bool fail_errno(struct call *call, const char *kind, int error, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	put_failure(call, kind, error, format, values);
	va_end(values);
	return false;
}
