/* SPDX-License-Identifier: GPL-2.0 */
/* Into VMX non-root mode and back, and what runs there. */
#include <linux/linkage.h>

#include "ept_lab.h"

#define VMCS_HOST_RSP 0x6c14

#define RAX 0
#define RBX 8
#define RCX 16
#define RDX 24
#define RSI 32
#define RDI 40
#define R8 48
#define R9 56
#define R10 64
#define R11 72
#define R12 80
#define R13 88

	.text

/* int ept_lab_enter(struct ept_lab_registers *registers, int resume): 0 after an exit, 1 VMfailInvalid, 2 VMfailValid */
SYM_FUNC_START(ept_lab_enter)
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi
	mov	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax
	jbe	.Lfailed
	test	%esi, %esi
	pushf
	mov	%rdi, %rax
	mov	RBX(%rax), %rbx
	mov	RCX(%rax), %rcx
	mov	RDX(%rax), %rdx
	mov	RSI(%rax), %rsi
	mov	RDI(%rax), %rdi
	mov	R8(%rax), %r8
	mov	R9(%rax), %r9
	mov	R10(%rax), %r10
	mov	R11(%rax), %r11
	mov	R12(%rax), %r12
	mov	R13(%rax), %r13
	mov	RAX(%rax), %rax
	popf
	jnz	.Lresume
	vmlaunch
	jmp	.Lfailed
.Lresume:
	vmresume
.Lfailed:
	mov	$1, %eax
	mov	$2, %ecx
	cmovz	%ecx, %eax
	add	$8, %rsp
	jmp	.Lrestore

/* The processor comes here with the RSP from above, on which lies the pointer to the registers. */
SYM_INNER_LABEL(ept_lab_exit, SYM_L_GLOBAL)
	push	%rax
	mov	8(%rsp), %rax
	mov	%rbx, RBX(%rax)
	mov	%rcx, RCX(%rax)
	mov	%rdx, RDX(%rax)
	mov	%rsi, RSI(%rax)
	mov	%rdi, RDI(%rax)
	mov	%r8, R8(%rax)
	mov	%r9, R9(%rax)
	mov	%r10, R10(%rax)
	mov	%r11, R11(%rax)
	mov	%r12, R12(%rax)
	mov	%r13, R13(%rax)
	pop	RAX(%rax)
	add	$8, %rsp
	xor	%eax, %eax
.Lrestore:
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	RET
SYM_FUNC_END(ept_lab_enter)

/*
 * The guest. RBX and RCX are the linear addresses of two pages, RSI and RDX their guest-physical ones; RAX, R8 and R9 are three
 * values. It leaves in R10 what it read through the second page before it asked for the alias, in R11 what it read there afterwards, in
 * R12 what a write through the second page left in the first, and in R13 what a write through the first left in the second.
 */
SYM_FUNC_START(ept_lab_guest)
	mov	%rax, (%rbx)
	mov	%r8, (%rcx)
	mov	(%rcx), %r10
	mov	$EPT_LAB_CALL_ALIAS, %edi
	vmcall
	mov	(%rcx), %r11
	mov	%r9, (%rcx)
	mov	(%rbx), %r12
	not	%r9
	mov	%r9, (%rbx)
	mov	(%rcx), %r13
	mov	$EPT_LAB_CALL_DONE, %edi
	vmcall
	ud2
SYM_FUNC_END(ept_lab_guest)
