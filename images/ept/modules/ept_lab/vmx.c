// SPDX-License-Identifier: GPL-2.0
/*
 * A guest of a few instructions on the module's EPT, run without KVM. It has the kernel's own page tables and runs the kernel's own
 * text: since the EPT is an identity map, guest-physical addresses are the machine's, until the guest asks for the alias.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include <asm/cpufeature.h>
#include <asm/desc.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include <asm/vmx.h>

#include "ept_lab.h"

#define PAGE_ORDER (EPT_LAB_PAGE_SHIFT - PAGE_SHIFT)
#define VPID 1
#define MAX_EXITS 16
#define SEGMENT_UNUSABLE BIT(16)
#define SEGMENT_CODE 0xa09b
#define SEGMENT_DATA 0xc093
#define SEGMENT_TSS 0x8b
#define INVEPT_SINGLE_CONTEXT 1

enum outcome { SUCCEEDED, FAIL_INVALID, FAIL_VALID };

/* SDM vol. 3, 31.2: VMfailInvalid sets CF, VMfailValid sets ZF. */
#define VMX_INSTRUCTION(instruction, ...) ({				\
	bool invalid_, valid_;						\
	asm volatile(instruction					\
		     : "=@ccc"(invalid_), "=@ccz"(valid_)		\
		     : __VA_ARGS__					\
		     : "memory");					\
	invalid_ ? FAIL_INVALID : valid_ ? FAIL_VALID : SUCCEEDED;	\
})

static enum outcome vmxon(u64 region)
{
	return VMX_INSTRUCTION("vmxon %2", "m"(region));
}

static enum outcome vmclear(u64 region)
{
	return VMX_INSTRUCTION("vmclear %2", "m"(region));
}

static enum outcome vmptrld(u64 region)
{
	return VMX_INSTRUCTION("vmptrld %2", "m"(region));
}

static enum outcome vmwrite(unsigned long field, unsigned long value)
{
	return VMX_INSTRUCTION("vmwrite %2, %3", "rm"(value), "r"(field));
}

static enum outcome invept(unsigned long type, u64 eptp)
{
	struct {
		u64 eptp, reserved;
	} descriptor = { eptp, 0 };

	return VMX_INSTRUCTION("invept %2, %3", "m"(descriptor), "r"(type));
}

static unsigned long vmread(unsigned long field)
{
	unsigned long value = ~0UL;

	asm volatile("vmread %1, %0" : "=r"(value) : "r"(field) : "cc");
	return value;
}

static void *region_new(void)
{
	u32 *region = (u32 *)get_zeroed_page(GFP_KERNEL);

	if (region) {
		u64 basic;

		rdmsrl(MSR_IA32_VMX_BASIC, basic);
		region[0] = basic & GENMASK(30, 0);
	}
	return region;
}

/* The low half of a capability MSR is what must be 1, the high half what may be 1. */
static u32 controls(u32 capability, u32 wanted)
{
	u32 must, may;

	rdmsr(capability, must, may);
	return (wanted | must) & may;
}

struct field {
	unsigned long field, value;
};

static enum outcome write_fields(const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		enum outcome outcome = vmwrite(fields[i].field, fields[i].value);

		if (outcome != SUCCEEDED)
			return outcome;
	}
	return SUCCEEDED;
}

static u64 msr(u32 number)
{
	u64 value;

	rdmsrl(number, value);
	return value;
}

static enum outcome set_up(unsigned long stack_top)
{
	struct desc_ptr gdt, idt;
	unsigned long tr, tss;
	const struct desc_struct *descriptor;

	native_store_gdt(&gdt);
	store_idt(&idt);
	store_tr(tr);
	descriptor = (void *)(gdt.address + (tr & ~7UL));
	tss = get_desc_base(descriptor) | (u64)((const struct ldttss_desc *)descriptor)->base3 << 32;

	const struct field fields[] = {
		{ PIN_BASED_VM_EXEC_CONTROL, controls(MSR_IA32_VMX_PINBASED_CTLS, 0) },
		{ CPU_BASED_VM_EXEC_CONTROL,
		  controls(MSR_IA32_VMX_PROCBASED_CTLS, CPU_BASED_ACTIVATE_SECONDARY_CONTROLS) },
		{ SECONDARY_VM_EXEC_CONTROL,
		  controls(MSR_IA32_VMX_PROCBASED_CTLS2, SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_ENABLE_VPID) },
		{ VM_EXIT_CONTROLS, controls(MSR_IA32_VMX_EXIT_CTLS, VM_EXIT_HOST_ADDR_SPACE_SIZE) },
		{ VM_ENTRY_CONTROLS, controls(MSR_IA32_VMX_ENTRY_CTLS, VM_ENTRY_IA32E_MODE) },
		{ VIRTUAL_PROCESSOR_ID, VPID },
		{ EPT_POINTER, ept_lab_eptp },
		{ VMCS_LINK_POINTER, ~0UL },
		/* Every exception of the guest's is an exit, not the kernel's. */
		{ EXCEPTION_BITMAP, ~0U },
		{ CR3_TARGET_COUNT, 0 },

		{ HOST_CR0, read_cr0() },
		{ HOST_CR3, __read_cr3() },
		{ HOST_CR4, __read_cr4() },
		{ HOST_CS_SELECTOR, __KERNEL_CS },
		{ HOST_SS_SELECTOR, __KERNEL_DS },
		{ HOST_DS_SELECTOR, 0 },
		{ HOST_ES_SELECTOR, 0 },
		{ HOST_FS_SELECTOR, 0 },
		{ HOST_GS_SELECTOR, 0 },
		{ HOST_TR_SELECTOR, tr },
		{ HOST_FS_BASE, msr(MSR_FS_BASE) },
		{ HOST_GS_BASE, msr(MSR_GS_BASE) },
		{ HOST_TR_BASE, tss },
		{ HOST_GDTR_BASE, gdt.address },
		{ HOST_IDTR_BASE, idt.address },
		{ HOST_IA32_SYSENTER_CS, msr(MSR_IA32_SYSENTER_CS) },
		{ HOST_IA32_SYSENTER_ESP, msr(MSR_IA32_SYSENTER_ESP) },
		{ HOST_IA32_SYSENTER_EIP, msr(MSR_IA32_SYSENTER_EIP) },
		{ HOST_RIP, (unsigned long)ept_lab_exit },

		{ GUEST_CR0, read_cr0() },
		{ GUEST_CR3, __read_cr3() },
		{ GUEST_CR4, __read_cr4() },
		{ GUEST_DR7, 0x400 },
		{ GUEST_RFLAGS, X86_EFLAGS_FIXED },
		{ GUEST_RSP, stack_top },
		{ GUEST_RIP, (unsigned long)ept_lab_guest },
		{ GUEST_CS_SELECTOR, __KERNEL_CS },
		{ GUEST_CS_LIMIT, ~0U },
		{ GUEST_CS_AR_BYTES, SEGMENT_CODE },
		{ GUEST_SS_SELECTOR, __KERNEL_DS },
		{ GUEST_SS_LIMIT, ~0U },
		{ GUEST_SS_AR_BYTES, SEGMENT_DATA },
		{ GUEST_DS_AR_BYTES, SEGMENT_UNUSABLE },
		{ GUEST_ES_AR_BYTES, SEGMENT_UNUSABLE },
		{ GUEST_FS_AR_BYTES, SEGMENT_UNUSABLE },
		{ GUEST_GS_AR_BYTES, SEGMENT_UNUSABLE },
		{ GUEST_LDTR_AR_BYTES, SEGMENT_UNUSABLE },
		{ GUEST_FS_BASE, msr(MSR_FS_BASE) },
		{ GUEST_GS_BASE, msr(MSR_GS_BASE) },
		{ GUEST_TR_SELECTOR, tr },
		{ GUEST_TR_BASE, tss },
		{ GUEST_TR_LIMIT, __KERNEL_TSS_LIMIT },
		{ GUEST_TR_AR_BYTES, SEGMENT_TSS },
		{ GUEST_GDTR_BASE, gdt.address },
		{ GUEST_GDTR_LIMIT, gdt.size },
		{ GUEST_IDTR_BASE, idt.address },
		{ GUEST_IDTR_LIMIT, idt.size },
		{ GUEST_SYSENTER_CS, msr(MSR_IA32_SYSENTER_CS) },
		{ GUEST_SYSENTER_ESP, msr(MSR_IA32_SYSENTER_ESP) },
		{ GUEST_SYSENTER_EIP, msr(MSR_IA32_SYSENTER_EIP) },
	};

	return write_fields(fields, ARRAY_SIZE(fields));
}

static bool note_failure(struct ept_lab_result *result, const char *what, enum outcome outcome)
{
	if (outcome == SUCCEEDED)
		return false;
	result->failed = what;
	result->fail_kind = outcome == FAIL_VALID ? 'v' : 'i';
	result->fail_error = outcome == FAIL_VALID ? vmread(VM_INSTRUCTION_ERROR) : 0;
	return true;
}

/* Runs the guest to its last VMCALL, or to whatever else it does not come back from. */
static void run(bool invalidate, struct ept_lab_result *result)
{
	struct ept_lab_registers *registers = &result->registers;
	struct desc_ptr gdt, idt;

	native_store_gdt(&gdt);
	store_idt(&idt);
	while (result->exits < MAX_EXITS) {
		enum outcome outcome = ept_lab_enter(registers, result->exits > 0);

		if (note_failure(result, result->exits > 0 ? "vmresume" : "vmlaunch", outcome))
			return;
		/* An exit leaves the limits at 64 KiB, and the TSS's without the I/O bitmap (SDM vol. 3, 28.5.2). */
		native_load_gdt(&gdt);
		load_idt(&idt);
		force_reload_TR();
		result->exits++;
		result->last_reason = vmread(VM_EXIT_REASON);
		result->last_qualification = vmread(EXIT_QUALIFICATION);
		if (result->last_reason != EXIT_REASON_VMCALL || registers->rdi != EPT_LAB_CALL_ALIAS)
			return;
		ept_lab_alias(registers->rsi, registers->rdx);
		if (invalidate && note_failure(result, "invept", invept(INVEPT_SINGLE_CONTEXT, ept_lab_eptp)))
			return;
		vmwrite(GUEST_RIP, vmread(GUEST_RIP) + vmread(VM_EXIT_INSTRUCTION_LEN));
	}
}

struct regions {
	void *vmxon, *vmcs;
};

static void regions_free(struct regions *regions)
{
	free_page((unsigned long)regions->vmxon);
	free_page((unsigned long)regions->vmcs);
}

static int regions_new(struct regions *regions)
{
	regions->vmxon = region_new();
	regions->vmcs = region_new();
	if (regions->vmxon && regions->vmcs)
		return 0;
	regions_free(regions);
	return -ENOMEM;
}

/* VMX operation is entered with interrupts off, which stay off until it is left. */
static int vmx_begin(struct regions *regions)
{
	if (!boot_cpu_has(X86_FEATURE_VMX))
		return -EOPNOTSUPP;
	if (__read_cr4() & X86_CR4_VMXE)
		return -EBUSY;
	cr4_set_bits_irqsoff(X86_CR4_VMXE);
	if (vmxon(virt_to_phys(regions->vmxon)) == SUCCEEDED)
		return 0;
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
	return -EIO;
}

static void vmx_end(struct regions *regions)
{
	vmclear(virt_to_phys(regions->vmcs));
	asm volatile("vmxoff" : : : "cc");
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
}

/* In both: a new VMCS of the region becomes the current one. */
static enum outcome vmcs_begin(struct regions *regions)
{
	u64 vmcs = virt_to_phys(regions->vmcs);
	enum outcome outcome = vmclear(vmcs);

	return outcome == SUCCEEDED ? vmptrld(vmcs) : outcome;
}

/* Of the last experiment: what is in them is for the host to see. */
static void *pages[2];

void ept_lab_free_pages(void)
{
	for (int i = 0; i < ARRAY_SIZE(pages); i++) {
		free_pages((unsigned long)pages[i], PAGE_ORDER);
		pages[i] = NULL;
	}
}

static int new_pages(void)
{
	ept_lab_free_pages();
	for (int i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, PAGE_ORDER);
		if (!pages[i])
			return -ENOMEM;
	}
	return 0;
}

int ept_lab_experiment(bool invalidate, struct ept_lab_result *result)
{
	struct regions regions;
	unsigned long flags, stack = 0;
	int error;

	memset(result, 0, sizeof(*result));
	if (!ept_lab_eptp)
		return -ENOENT;
	error = regions_new(&regions);
	if (error)
		return error;
	error = -ENOMEM;
	stack = get_zeroed_page(GFP_KERNEL);
	if (!stack || new_pages())
		goto out;
	result->physical1 = virt_to_phys(pages[0]);
	result->physical2 = virt_to_phys(pages[1]);
	result->registers = (struct ept_lab_registers){
		.rax = 0x1111111111111111, .r8 = 0x2222222222222222, .r9 = 0x3333333333333333,
		.rbx = (unsigned long)pages[0], .rcx = (unsigned long)pages[1],
		.rsi = result->physical1, .rdx = result->physical2,
	};

	local_irq_save(flags);
	error = vmx_begin(&regions);
	if (!error) {
		if (!note_failure(result, "vmptrld", vmcs_begin(&regions)) &&
		    !note_failure(result, "vmwrite", set_up(stack + PAGE_SIZE)))
			run(invalidate, result);
		vmx_end(&regions);
	}
	local_irq_restore(flags);
out:
	free_page(stack);
	regions_free(&regions);
	return error;
}

static int tell(char *text, size_t size, const char *what, enum outcome outcome)
{
	switch (outcome) {
	case FAIL_INVALID:
		return scnprintf(text, size, "%s invalid\n", what);
	case FAIL_VALID:
		return scnprintf(text, size, "%s valid %lu\n", what, vmread(VM_INSTRUCTION_ERROR));
	default:
		return scnprintf(text, size, "%s succeeded\n", what);
	}
}

int ept_lab_failures(char *text, size_t size)
{
	struct ept_lab_registers registers = { 0 };
	struct regions regions;
	unsigned long flags;
	int error, length = 0;

	error = regions_new(&regions);
	if (error)
		return error;
	local_irq_save(flags);
	error = vmx_begin(&regions);
	if (!error) {
		/* Without a current VMCS there is nowhere to put an error number. */
		length += tell(text + length, size - length, "vmwrite-without-vmcs", vmwrite(GUEST_RIP, 0));
		length += tell(text + length, size - length, "vmptrld", vmcs_begin(&regions));
		length += tell(text + length, size - length, "vmwrite-unknown-field", vmwrite(0x7ffe, 0));
		length += tell(text + length, size - length, "vmclear-unaligned", vmclear(1));
		length += tell(text + length, size - length, "vmptrld-vmxon-region",
			       vmptrld(virt_to_phys(regions.vmxon)));
		length += tell(text + length, size - length, "invept-unknown-type", invept(7, ept_lab_eptp));
		/* The VMCS is clear and empty: it may be launched, not resumed. */
		length += tell(text + length, size - length, "vmresume-unlaunched", ept_lab_enter(&registers, 1));
		vmx_end(&regions);
	}
	local_irq_restore(flags);
	regions_free(&regions);
	return error ? error : length;
}
