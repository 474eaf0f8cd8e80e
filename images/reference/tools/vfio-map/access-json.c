// SPDX-License-Identifier: MIT
#include "access.h"
#include "call.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

const char *const access_kind_words[] = { "read", "write", "execute", NULL };

bool access_from_request(struct call *call, struct access *access)
{
	unsigned int kind = ACCESS_READ;
	uint64_t timeout = ACCESS_TIMEOUT_MS;

	*access = (struct access){ .size = 8 };
	if (!arg_word_optional(call, "access", access_kind_words, &kind) ||
	    !arg_u64_optional(call, "value", &access->value) || !arg_u64_optional(call, "timeoutMs", &timeout) ||
	    !arg_range(call, "timeoutMs", timeout, 1, ACCESS_TIMEOUT_MS_MAX))
		return false;
	access->kind = kind;
	access->timeout_ms = (unsigned int)timeout;
	return true;
}

static const char *code_name(int number, int code)
{
	if (number == SIGSEGV && code == SEGV_MAPERR)
		return "SEGV_MAPERR";
	if (number == SIGSEGV && code == SEGV_ACCERR)
		return "SEGV_ACCERR";
	if (number == SIGSEGV && code == SEGV_PKUERR)
		return "SEGV_PKUERR";
	if (number == SIGBUS && code == BUS_ADRERR)
		return "BUS_ADRERR";
	if (number == SIGBUS && code == BUS_ADRALN)
		return "BUS_ADRALN";
	if (code == SI_KERNEL)
		return "SI_KERNEL";
	return "other";
}

void access_to_reply(struct call *call, const struct access *access)
{
	static const char *const outcomes[] = { "done", "fault", "stalled" };
	char name[16] = "SIG";

	reply_hex(call, "address", access->address);
	reply_text(call, "access", access_kind_words[access->kind]);
	reply_text(call, "outcome", outcomes[access->outcome]);
	if (access->outcome == ACCESS_DONE && access->kind != ACCESS_EXECUTE)
		reply_hex(call, "value", access->value);
	if (access->outcome == ACCESS_STALLED)
		reply_number(call, "timeoutMs", access->timeout_ms);
	if (access->outcome != ACCESS_FAULT)
		return;
	strncat(name, sigabbrev_np(access->signal), sizeof(name) - sizeof("SIG"));
	reply_text(call, "signal", name);
	reply_text(call, "code", code_name(access->signal, access->code));
	reply_hex(call, "errorCode", access->error_code);
	reply_number(call, "trap", access->trap);
	reply_hex(call, "faultAddress", access->fault_address);
}
