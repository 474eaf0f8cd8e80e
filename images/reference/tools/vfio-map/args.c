// SPDX-License-Identifier: MIT
#include "call.h"

#include <stdlib.h>
#include <string.h>

static const struct json_member *find(struct call *call, const char *name)
{
	const struct json_member *member = json_member(&call->request, name);

	if (member)
		call->seen[member - call->request.members] = true;
	return member;
}

static bool mistyped(struct call *call, const char *name, const char *wanted)
{
	return fail(call, "argument", "'%s' must be %s", name, wanted);
}

static bool missing(struct call *call, const char *name)
{
	return fail(call, "argument", "'%s' is missing", name);
}

bool arg_has(struct call *call, const char *name)
{
	return find(call, name) != NULL;
}

/* "0x" and 1 to 16 hexadecimal digits; strtoull alone would accept blanks, signs and overflow. */
static bool parse_hex(const char *text, uint64_t *value)
{
	size_t digits;

	if (text[0] != '0' || text[1] != 'x')
		return false;
	digits = strspn(text + 2, "0123456789abcdefABCDEF");
	if (digits == 0 || digits > 16 || text[2 + digits] != '\0')
		return false;
	*value = strtoull(text + 2, NULL, 16);
	return true;
}

bool arg_u64_optional(struct call *call, const char *name, uint64_t *value)
{
	const struct json_member *member = find(call, name);

	if (!member)
		return true;
	if (member->type == JSON_NUMBER) {
		*value = member->number;
		return true;
	}
	if (member->type == JSON_STRING && parse_hex(member->text, value))
		return true;
	return mistyped(call, name, "a whole number below 2^53 or a string \"0x...\" of up to 64 bits");
}

bool arg_u64(struct call *call, const char *name, uint64_t *value)
{
	return arg_has(call, name) ? arg_u64_optional(call, name, value) : missing(call, name);
}

bool arg_bool_optional(struct call *call, const char *name, bool *value)
{
	const struct json_member *member = find(call, name);

	if (!member)
		return true;
	if (member->type != JSON_BOOLEAN)
		return mistyped(call, name, "true or false");
	*value = member->boolean;
	return true;
}

bool arg_text_optional(struct call *call, const char *name, const char **value)
{
	const struct json_member *member = find(call, name);

	if (!member)
		return true;
	if (member->type != JSON_STRING)
		return mistyped(call, name, "a string");
	*value = member->text;
	return true;
}

bool arg_text(struct call *call, const char *name, const char **value)
{
	return arg_has(call, name) ? arg_text_optional(call, name, value) : missing(call, name);
}

bool arg_word_optional(struct call *call, const char *name, const char *const *words, unsigned int *value)
{
	const char *text = NULL;
	char wanted[256] = "one of";

	if (!arg_text_optional(call, name, &text))
		return false;
	if (!text)
		return true;
	for (unsigned int i = 0; words[i]; i++) {
		if (strcmp(words[i], text) == 0) {
			*value = i;
			return true;
		}
		strncat(wanted, " ", sizeof(wanted) - strlen(wanted) - 1);
		strncat(wanted, words[i], sizeof(wanted) - strlen(wanted) - 1);
	}
	return mistyped(call, name, wanted);
}

bool arg_word(struct call *call, const char *name, const char *const *words, unsigned int *value)
{
	return arg_has(call, name) ? arg_word_optional(call, name, words, value) : missing(call, name);
}

bool arg_range(struct call *call, const char *name, uint64_t value, uint64_t low, uint64_t high)
{
	if (value >= low && value <= high)
		return true;
	return fail(call, "argument", "'%s' is 0x%llx, outside 0x%llx..0x%llx", name, (unsigned long long)value,
		    (unsigned long long)low, (unsigned long long)high);
}

bool args_done(struct call *call)
{
	for (size_t i = 0; i < call->request.count; i++)
		if (!call->seen[i])
			return fail(call, "argument", "'%s' is not known to this operation",
				    call->request.members[i].name);
	return true;
}
