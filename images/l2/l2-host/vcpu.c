// SPDX-License-Identifier: MIT
/* Operations on the vCPU's registers. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vm.h"

/* SDM vol. 3, 2.2.1 and 2.5; the layout is the same on AMD. */
#define CR0_LONG 0x80050033ul /* PG, AM, WP, NE, ET, MP, PE */
#define CR4_PAE 0x20ul
#define EFER_LONG 0xd00ul /* NXE, LMA, LME */
#define RFLAGS_RESERVED 0x2ul

enum mode { REAL, LONG };
static const char *const modes[] = { "real", "long", NULL };

/* Members of requests and replies, and where they belong. */
#define REGISTER(name) { #name, offsetof(struct kvm_regs, name) }
static const struct {
	const char *name;
	size_t offset;
} general[] = {
	REGISTER(rax), REGISTER(rbx), REGISTER(rcx), REGISTER(rdx), REGISTER(rsi), REGISTER(rdi), REGISTER(rsp),
	REGISTER(rbp), REGISTER(r8), REGISTER(r9), REGISTER(r10), REGISTER(r11), REGISTER(r12), REGISTER(r13),
	REGISTER(r14), REGISTER(r15), REGISTER(rip),
};
#define GENERAL_COUNT (sizeof(general) / sizeof(general[0]))

static __u64 *value_of(struct kvm_regs *registers, size_t index)
{
	return (__u64 *)((char *)registers + general[index].offset);
}

static void set_real(struct kvm_sregs *system)
{
	system->cs.selector = 0;
	system->cs.base = 0;
	system->cr0 = 0x60000010; /* as after a reset */
	system->cr3 = system->cr4 = system->efer = 0;
}

static void set_long(struct kvm_sregs *system, uint64_t cr3)
{
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = 0x10, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1,
	};

	system->cr0 = CR0_LONG;
	system->cr3 = cr3;
	system->cr4 = CR4_PAE;
	system->efer = EFER_LONG;
	system->ds = system->es = system->fs = system->gs = system->ss = data;
	system->cs = data;
	system->cs.selector = 8;
	system->cs.type = 11;
	system->cs.db = 0;
	system->cs.l = 1;
	/* No gate is there: an exception ends in a shutdown, which is an exit of its own. */
	system->idt.limit = 0;
}

/* Sets every register that matters, so that the next run starts at rip in that mode. */
void op_enter(struct call *call)
{
	struct kvm_regs registers = { .rflags = RFLAGS_RESERVED };
	struct kvm_sregs system;
	unsigned int mode;
	uint64_t cr3 = 0;
	bool has_cr3 = arg_has(call, "cr3");

	if (!arg_word(call, "mode", modes, &mode) || !arg_u64_optional(call, "cr3", &cr3))
		return;
	for (size_t i = 0; i < GENERAL_COUNT; i++) {
		uint64_t value = 0;

		if (!arg_u64_optional(call, general[i].name, &value))
			return;
		*value_of(&registers, i) = value;
	}
	if (!args_done(call) || !vm_is_there(call))
		return;
	if (has_cr3 != (mode == LONG)) {
		fail(call, "argument", "'cr3' goes with mode long and only with it");
		return;
	}
	if (ioctl(vm.vcpu_fd, KVM_GET_SREGS, &system) != 0) {
		fail_errno(call, "ioctl", errno, "KVM_GET_SREGS");
		return;
	}
	if (mode == LONG)
		set_long(&system, cr3);
	else
		set_real(&system);
	if (ioctl(vm.vcpu_fd, KVM_SET_SREGS, &system) != 0 || ioctl(vm.vcpu_fd, KVM_SET_REGS, &registers) != 0) {
		fail_errno(call, "ioctl", errno, "KVM_SET_SREGS and KVM_SET_REGS for %s mode", modes[mode]);
		return;
	}
	reply_begin(call, true);
}

void op_registers(struct call *call)
{
	struct kvm_regs registers;
	struct kvm_sregs system;

	if (!args_done(call) || !vm_is_there(call))
		return;
	if (ioctl(vm.vcpu_fd, KVM_GET_REGS, &registers) != 0 || ioctl(vm.vcpu_fd, KVM_GET_SREGS, &system) != 0) {
		fail_errno(call, "ioctl", errno, "KVM_GET_REGS and KVM_GET_SREGS");
		return;
	}
	reply_begin(call, true);
	for (size_t i = 0; i < GENERAL_COUNT; i++)
		reply_hex(call, general[i].name, *value_of(&registers, i));
	reply_hex(call, "rflags", registers.rflags);
	reply_hex(call, "cr0", system.cr0);
	reply_hex(call, "cr2", system.cr2);
	reply_hex(call, "cr3", system.cr3);
	reply_hex(call, "cr4", system.cr4);
	reply_hex(call, "efer", system.efer);
}
