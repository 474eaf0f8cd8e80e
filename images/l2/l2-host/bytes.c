// SPDX-License-Identifier: MIT
/* Bytes of this process's memory, to and from hexadecimal text: how a spec brings guest code and page tables in. */
#include <stdio.h>
#include <string.h>

#include "vm.h"

#define READ_MAX 4096

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two lower-case digits a byte; all are looked at before any is written. */
void op_write(struct call *call)
{
	uint64_t address;
	const char *text;
	size_t length;

	if (!arg_u64(call, "address", &address) || !arg_text(call, "bytes", &text) || !args_done(call))
		return;
	length = strlen(text);
	if (length % 2 || strspn(text, "0123456789abcdef") != length) {
		fail(call, "argument", "'bytes' must be pairs of the digits 0-9 and a-f");
		return;
	}
	for (size_t i = 0; i < length; i += 2)
		*((volatile unsigned char *)address + i / 2) =
			(unsigned char)(digit(text[i]) * 16 + digit(text[i + 1]));
	reply_begin(call, true);
}

void op_read(struct call *call)
{
	static char text[2 * READ_MAX + 1];
	uint64_t address, size;

	if (!arg_u64(call, "address", &address) || !arg_u64(call, "size", &size) ||
	    !arg_range(call, "size", size, 1, READ_MAX) || !args_done(call))
		return;
	for (uint64_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", *((volatile unsigned char *)address + i));
	reply_begin(call, true);
	reply_text(call, "bytes", text);
}
