// SPDX-License-Identifier: MIT
#include <string.h>

#include "agent.h"

static const char digits[] = "0123456789abcdef";

size_t escape(char *to, const unsigned char *from, size_t length)
{
	char *at = to;

	for (size_t i = 0; i < length; i++) {
		unsigned char byte = from[i];

		if (byte > ' ' && byte < 0x7f && byte != '%') {
			*at++ = (char)byte;
			continue;
		}
		*at++ = '%';
		*at++ = digits[byte >> 4];
		*at++ = digits[byte & 15];
	}
	return (size_t)(at - to);
}

static int value_of(char digit)
{
	const char *found = digit == '\0' ? NULL : strchr(digits, digit);

	return found ? (int)(found - digits) : -1;
}

ssize_t unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		int high, low;

		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		high = value_of(from[1]);
		low = high < 0 ? -1 : value_of(from[2]);
		if (low < 0)
			return -1;
		*to++ = (char)(high << 4 | low);
		from += 2;
	}
	*to = '\0';
	return to - text;
}
