// SPDX-License-Identifier: MIT
/* Operations that make the virtual machine and its memory. */
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpus.h"

#define PROTOCOL_VERSION 1
/* Below 4 GiB, clear of what a guest has there; Intel without unrestricted guests needs three pages for real mode. */
#define TSS_ADDRESS 0xfffbd000ul
#define CPUID_MAX 256
/* KVM's dirty bitmap, one bit a page: slots of up to 4 GiB. */
#define LOG_WORDS 16384

struct vm vm;

bool vm_is_there(struct call *call)
{
	return vm.made || fail(call, "noVm", "there is no VM: the vmCreate operation comes first");
}

void op_hello_l2(struct call *call)
{
	int cpus[CPUS_MAX], count = cpus_usable(cpus), kvm;

	if (!args_done(call))
		return;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	reply_begin(call, true);
	reply_text(call, "tool", "l2-host");
	reply_number(call, "version", PROTOCOL_VERSION);
	reply_number(call, "pid", (uint64_t)getpid());
	reply_open(call, "cpus", '[');
	for (int i = 0; i < count; i++)
		reply_number(call, NULL, (uint64_t)cpus[i]);
	reply_close(call, ']');
	reply_bool(call, "kvm", kvm >= 0 && ioctl(kvm, KVM_GET_API_VERSION, 0) == KVM_API_VERSION);
	if (kvm >= 0)
		close(kvm);
}

/* A vCPU sees every feature that KVM can give: long mode and 1 GiB pages among them. */
static int set_cpuid(int kvm, int vcpu)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[CPUID_MAX];
	} cpuid;

	memset(&cpuid, 0, sizeof(cpuid));
	cpuid.head.nent = CPUID_MAX;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) != 0)
		return -1;
	return ioctl(vcpu, KVM_SET_CPUID2, &cpuid);
}

void op_vm_close(struct call *call)
{
	if (!args_done(call) || !vm_is_there(call))
		return;
	munmap(vm.run, vm.run_size);
	close(vm.vcpu_fd);
	close(vm.vm_fd);
	memset(&vm, 0, sizeof(vm));
	reply_begin(call, true);
}

/* Makes everything of `made` that there is to be, or returns what failed with errno set. */
static const char *create(int kvm, struct vm *made)
{
	int size;

	made->vm_fd = ioctl(kvm, KVM_CREATE_VM, 0);
	if (made->vm_fd < 0)
		return "KVM_CREATE_VM";
	if (ioctl(made->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDRESS) != 0)
		return "KVM_SET_TSS_ADDR";
	made->vcpu_fd = ioctl(made->vm_fd, KVM_CREATE_VCPU, 0);
	if (made->vcpu_fd < 0)
		return "KVM_CREATE_VCPU";
	if (set_cpuid(kvm, made->vcpu_fd) != 0)
		return "KVM_GET_SUPPORTED_CPUID and KVM_SET_CPUID2";
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < 0)
		return "KVM_GET_VCPU_MMAP_SIZE";
	made->run_size = (uint64_t)size;
	made->run = mmap(NULL, made->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, made->vcpu_fd, 0);
	return made->run == MAP_FAILED ? "mmap of the vCPU" : NULL;
}

void op_vm_create(struct call *call)
{
	struct vm made = { .made = true, .vm_fd = -1, .vcpu_fd = -1 };
	const char *failed;
	int kvm, error;

	if (!args_done(call))
		return;
	if (vm.made) {
		fail(call, "busy", "there is a VM already: the vmClose operation comes first");
		return;
	}
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0) {
		fail_errno(call, "noKvm", errno, "open /dev/kvm (is kvm-amd or kvm-intel loaded?)");
		return;
	}
	failed = create(kvm, &made);
	error = errno;
	close(kvm);
	if (failed) {
		if (made.vcpu_fd >= 0)
			close(made.vcpu_fd);
		if (made.vm_fd >= 0)
			close(made.vm_fd);
		fail_errno(call, "ioctl", error, "%s", failed);
		return;
	}
	vm = made;
	reply_begin(call, true);
}

static bool slot_from_request(struct call *call, uint64_t *number)
{
	return arg_u64(call, "slot", number) && arg_range(call, "slot", *number, 0, SLOTS_MAX - 1);
}

/* Makes, moves, changes or (size 0) removes a slot, as KVM_SET_USER_MEMORY_REGION does. */
void op_slot(struct call *call)
{
	struct kvm_userspace_memory_region region = { 0 };
	struct slot wanted = { 0 };
	uint64_t number;
	bool readonly = false;

	if (!slot_from_request(call, &number) || !arg_u64(call, "gpa", &wanted.gpa) ||
	    !arg_u64(call, "size", &wanted.size) || !arg_u64_optional(call, "address", &wanted.address) ||
	    !arg_bool_optional(call, "dirtyLog", &wanted.dirty_log) ||
	    !arg_bool_optional(call, "readonly", &readonly) || !args_done(call) || !vm_is_there(call))
		return;
	region.slot = (uint32_t)number;
	region.flags = (wanted.dirty_log ? KVM_MEM_LOG_DIRTY_PAGES : 0) | (readonly ? KVM_MEM_READONLY : 0);
	region.guest_phys_addr = wanted.gpa;
	region.memory_size = wanted.size;
	region.userspace_addr = wanted.address;
	if (ioctl(vm.vm_fd, KVM_SET_USER_MEMORY_REGION, &region) != 0) {
		fail_errno(call, "ioctl", errno, "KVM_SET_USER_MEMORY_REGION of slot %u: 0x%llx bytes at 0x%llx",
			   region.slot, region.memory_size, region.guest_phys_addr);
		return;
	}
	vm.slots[number] = wanted;
	reply_begin(call, true);
}

/* The pages that were written since the log was read last: KVM_GET_DIRTY_LOG, which also clears it. */
void op_dirty_log(struct call *call)
{
	static uint64_t words[LOG_WORDS];
	struct kvm_dirty_log log = { .dirty_bitmap = words };
	uint64_t number, pages;

	if (!slot_from_request(call, &number) || !args_done(call) || !vm_is_there(call))
		return;
	pages = vm.slots[number].size / PAGE_SIZE;
	if (pages > LOG_WORDS * 64) {
		fail(call, "limit", "the slot has more than %d pages", LOG_WORDS * 64);
		return;
	}
	memset(words, 0, sizeof(words));
	log.slot = (uint32_t)number;
	if (ioctl(vm.vm_fd, KVM_GET_DIRTY_LOG, &log) != 0) {
		fail_errno(call, "ioctl", errno, "KVM_GET_DIRTY_LOG of slot %u", log.slot);
		return;
	}
	reply_begin(call, true);
	reply_open(call, "pages", '[');
	for (uint64_t page = 0; page < pages; page++)
		if (words[page / 64] >> (page % 64) & 1)
			reply_number(call, NULL, page);
	reply_close(call, ']');
}
