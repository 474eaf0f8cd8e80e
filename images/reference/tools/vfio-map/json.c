// SPDX-License-Identifier: MIT
#include "json.h"

#include <string.h>

struct cursor {
	char *at;
	char *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\r' || *c->at == '\n'))
		c->at++;
}

static bool take(struct cursor *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static bool take_word(struct cursor *c, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
		return false;
	c->at += length;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four digits after \u; -1 when they are not digits or name no printable or blank ASCII character. */
static int take_unicode(struct cursor *c)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = c->at < c->end ? hex_digit(*c->at) : -1;

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
		c->at++;
	}
	return value > 0 && value < 0x7f ? value : -1;
}

static int take_escape(struct cursor *c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (c->at == c->end || *c->at == '\0')
		return -1;
	if (take(c, 'u'))
		return take_unicode(c);
	found = strchr(from, *c->at);
	if (!found)
		return -1;
	c->at++;
	return to[found - from];
}

/* Unescapes in place (the result is never longer) and terminates it where the closing quote was or before. */
static const char *take_string(struct cursor *c, const char **text)
{
	char *out;

	if (!take(c, '"'))
		return "a string was expected";
	out = c->at;
	*text = out;
	while (c->at < c->end) {
		char next = *c->at;
		int plain;

		if (next == '"') {
			c->at++;
			*out = '\0';
			return NULL;
		}
		if (next < 0x20 || next > 0x7e)
			return "strings hold printable ASCII only";
		c->at++;
		plain = next == '\\' ? take_escape(c) : next;
		if (plain < 0)
			return "unknown escape, or one that is not ASCII";
		*out++ = (char)plain;
	}
	return "the string does not end";
}

static const char *take_number(struct cursor *c, uint64_t *number)
{
	char *start = c->at;
	uint64_t value = 0;

	while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
		value = value * 10 + (uint64_t)(*c->at - '0');
		if (value > JSON_NUMBER_MAX)
			return "numbers of 2^53 and more are written as \"0x...\" strings";
		c->at++;
	}
	if (c->at == start)
		return "a value was expected: string, number, true, false or null";
	if (*start == '0' && c->at - start > 1)
		return "a number does not start with 0";
	if (c->at < c->end && (*c->at == '.' || *c->at == 'e' || *c->at == 'E'))
		return "only whole numbers are accepted";
	*number = value;
	return NULL;
}

static const char *take_value(struct cursor *c, struct json_member *member)
{
	if (c->at < c->end && (*c->at == '{' || *c->at == '['))
		return "nested values are not accepted";
	if (c->at < c->end && *c->at == '-')
		return "negative numbers are not accepted";
	if (c->at < c->end && *c->at == '"') {
		member->type = JSON_STRING;
		return take_string(c, &member->text);
	}
	if (take_word(c, "true") || take_word(c, "false")) {
		member->type = JSON_BOOLEAN;
		member->boolean = c->at[-2] == 'u';
		return NULL;
	}
	if (take_word(c, "null")) {
		member->type = JSON_NULL;
		return NULL;
	}
	member->type = JSON_NUMBER;
	return take_number(c, &member->number);
}

static const char *take_member(struct cursor *c, struct json_object *object)
{
	struct json_member member = { 0 };
	const char *wrong;

	skip_blanks(c);
	wrong = take_string(c, &member.name);
	if (wrong)
		return wrong;
	if (json_member(object, member.name))
		return "a member occurs twice";
	if (object->count == JSON_MEMBERS_MAX)
		return "too many members";
	skip_blanks(c);
	if (!take(c, ':'))
		return "a colon was expected";
	skip_blanks(c);
	wrong = take_value(c, &member);
	if (wrong)
		return wrong;
	object->members[object->count++] = member;
	skip_blanks(c);
	return NULL;
}

static const char *take_object(struct cursor *c, struct json_object *object)
{
	skip_blanks(c);
	if (!take(c, '{'))
		return "an object was expected";
	skip_blanks(c);
	if (!take(c, '}')) {
		do {
			const char *wrong = take_member(c, object);

			if (wrong)
				return wrong;
		} while (take(c, ','));
		if (!take(c, '}'))
			return "a comma or a closing brace was expected";
	}
	skip_blanks(c);
	return c->at == c->end ? NULL : "more text after the object";
}

const char *json_parse(char *text, size_t length, struct json_object *object, size_t *at)
{
	struct cursor c = { .at = text, .end = text + length };
	const char *wrong;

	object->count = 0;
	wrong = take_object(&c, object);
	*at = (size_t)(c.at - text);
	return wrong;
}

const struct json_member *json_member(const struct json_object *object, const char *name)
{
	for (size_t i = 0; i < object->count; i++)
		if (strcmp(object->members[i].name, name) == 0)
			return &object->members[i];
	return NULL;
}
