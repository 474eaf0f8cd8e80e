// SPDX-License-Identifier: MIT
#include "ops.h"
#include "vm.h"

const struct named_operation operations[] = {
	{ "hello", op_hello_l2 },
	{ "vmCreate", op_vm_create },
	{ "vmClose", op_vm_close },
	{ "slot", op_slot },
	{ "dirtyLog", op_dirty_log },
	{ "enter", op_enter },
	{ "registers", op_registers },
	{ "run", op_run },
	{ "write", op_write },
	{ "read", op_read },
	/* As vfio-map does them. */
	{ "settle", op_settle },
	{ "park", op_park },
	{ "unpark", op_unpark },
	{ "open", op_open },
	{ "close", op_close },
	{ "map", op_map },
	{ "unmap", op_unmap },
	{ "touch", op_touch },
	{ "alloc", op_alloc },
	{ "alias", op_alias },
	{ "free", op_free },
	{ "mprotect", op_mprotect },
	{ "madvise", op_madvise },
	{ "pagemap", op_pagemap },
	{ NULL, NULL },
};
