/* SPDX-License-Identifier: MIT */
/* The one virtual machine that this process has: its descriptors, its memory slots, and its vCPU. */
#ifndef L2_HOST_VM_H
#define L2_HOST_VM_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/kvm.h>

#include "ops.h"

#define SLOTS_MAX 32

struct slot {
	uint64_t gpa, size, address; /* size 0: there is no such slot */
	bool dirty_log;
};

struct vm {
	bool made;
	int vm_fd, vcpu_fd;
	struct kvm_run *run;
	uint64_t run_size;
	struct slot slots[SLOTS_MAX];
};

extern struct vm vm;

/* False, with the failure written, when no VM was made. */
bool vm_is_there(struct call *call);

/* vm.c */
operation op_hello_l2, op_vm_create, op_vm_close, op_slot, op_dirty_log;
/* vcpu.c */
operation op_enter, op_registers;
/* run.c */
operation op_run;
/* bytes.c */
operation op_write, op_read;

#endif
