import type { ReportRule } from '../rule.js';
import { END_BACKTRACE } from './ends.js';

/** Prefixes under which KVM, the TDX host and TDX guest code speak; older kernels have none. */
const BY = String.raw`(?:(?:kvm(?:_intel|_amd|-intel|-amd)?(?: \[\d+\])?|virt\/tdx|tdx|seamldr|TDX|SEV(?:-SNP)?): ){0,2}`;

/** A dump of a VMCS or a VMCB, line by line (`dump_vmcs`, `dump_vmcb`). */
const DUMP = new RegExp(
  `^${BY}(?:VMC[BS] |\\*\\*\\* | {2,}\\S|CR\\d: actual|SVI\\|RVI|[A-Z][\\w-]*(?: [\\w-]+){0,2} ?= ?\\S|\\w{2,4}: +(?:sel|limit)=|MSR [\\w ]{1,30}:|(?:VMEntry|VMExit|IDTVectoring|ve_info): |[a-z_\\d ]{2,22}:? {0,17}[\\da-f]{1,16}(?: +(?:[a-z_\\d]+: +)?[\\da-f]{1,16})*$|[a-z]{2,5}: +s: )`,
);

/** Trouble of a hypervisor's with its guests, its own tables, and the firmware below it. */
export const VIRTUALIZATION_RULES: readonly ReportRule[] = [
  {
    kind: 'vm-entry',
    grade: 'error',
    source: '`arch/x86/kvm/vmx/vmx.c` (`dump_vmcs`), `svm/svm.c` (`dump_vmcb`), 6.1',
    example: 'VMCS 00000000c0ffee01, last attempted VM-entry on CPU 1\n*** Guest State ***',
    healthy: 'kvm: VMCS shadowing is there',
    opens: new RegExp(
      `^${BY}((?:\\S{1,10} vCPU\\d+ )?VMC[BS] \\S{1,20}, last attempted VM(?:-entry|RUN) on CPU \\d+|\\*\\*\\* Guest State \\*\\*\\*|(?:KVM: )?FAILED VMRUN WITH VMCB|VMCB Control Area:|set kvm_(?:intel|amd)\\.dump_invalid_vmc[sb]=1)`,
    ),
    headline: (match) => `VM entry failed (${match[1] ?? ''})`,
    tail: DUMP,
    tailGap: 2,
    absorbs: ['vm-entry'],
  },
  {
    kind: 'vm-entry',
    grade: 'error',
    source:
      '`arch/x86/kvm/vmx/vmx.c` (`vmx_insn_failed`, `__vmx_handle_exit`), `svm/svm.c`, `virt/kvm/kvm_main.c`, 6.1',
    example: 'kvm: vmwrite failed: field=681e val=1000 err=12',
    healthy: 'kvm [411]: vcpu0, guest rIP: 0xffffffff81040a1b unhandled rdmsr: 0x1ad',
    opens: new RegExp(
      `^${BY}((?:vmread|vmwrite|vmclear|vmptrld|invvpid|invept)(?: \\S{1,40})? (?:failed|fail|error)\\b.{0,100}|enabling virtualization on CPU\\d+ failed|vcpu\\d+, guest rIP: \\S{1,20} (?:(?:vmx|svm): )?unexpected exit reason \\S{1,20})`,
    ),
  },
  {
    kind: 'tdx',
    grade: 'error',
    source: '`arch/x86/virt/vmx/tdx/tdx.c`, 6.8 and 7.3; `arch/x86/kvm/vmx/tdx.c`, 7.3',
    example: 'kvm_intel: SEAMCALL TDH_MEM_PAGE_ADD failed: 0xc000020000000001, gpa 0x4000',
    healthy: 'virt/tdx: BIOS enabled: private KeyID range [32, 64)',
    opens: new RegExp(
      `^${BY}((?:SEAMCALL|TDH[_.]\\w|tdh_\\w|TDCALL|TDVMCALL).{0,100}\\b(?:failed|failure|error)\\b.{0,100}|(?:TDX[- ])?[Mm]odule (?:initialization|update|load) failed.{0,60}|(?:TDX )?module not loaded|[Ff]ailed to (?:init\\w*|load|update|enable) (?:the )?TDX.{0,60})`,
    ),
    tail: new RegExp(`^${BY}(?:R[A-D]X|R\\d{1,2}) 0x|^${BY}.*\\b(?:TDX|initialization failed)`),
    tailGap: 2,
    absorbs: ['tdx'],
  },
  {
    kind: 'tdx',
    grade: 'error',
    source:
      '`arch/x86/virt/vmx/tdx/tdx.c`, `arch/x86/kvm/vmx/tdx.c`, `arch/x86/coco/tdx/tdx.c`, `drivers/virt/coco/tdx-guest`, 7.3',
    example: 'tdx: Unexpected #VE: 48',
    healthy: 'tdx: Guest detected',
    opens:
      /^(?:virt\/tdx|tdx|tdx_guest|kvm_intel): ((?:initialization failed|GetQuote (?:hypercall failed|request timed ?out)|Failed to restore encryption mask|Unexpected #VE|Guest access before accepting|TDMR .{1,60} exhausted|Failed to (?:stop shared|unshare)|shared page accounting is off).{0,160})/,
  },
  {
    kind: 'rmp',
    grade: 'error',
    source: '`arch/x86/virt/svm/sev.c` (`rmpupdate`), 7.3',
    example: 'SEV-SNP: RMPUPDATE failed for PFN dead0, pg_level: 1, ret: 2',
    healthy: 'SEV-SNP: RMP table physical range [0x000000007e000000 - 0x000000007effffff]',
    blames: 'caller',
    opens: /^(?:SEV(?:-SNP)?: )?(RMPUPDATE failed for PFN .{1,80})/,
    ends: END_BACKTRACE,
    patience: 16,
  },
  {
    kind: 'rmp',
    grade: 'error',
    source:
      '`arch/x86/kvm/svm/sev.c`, `arch/x86/virt/svm/sev.c`, `drivers/iommu/amd/init.c`, 7.3; `arch/x86/kernel/sev.c`, 6.1',
    example: 'SEV: Unexpected RMP fault, no assigned RMP entry found for GPA 0x4000 PFN 0xdead0 error -2',
    healthy: 'SEV-SNP: Reserving start/end of RMP table on a 2MB boundary [0x000000007e000000]',
    opens:
      /^(?:SEV(?:-SNP)?|kvm_amd|AMD-Vi|ccp \S{1,20}): (?:SEV: )?((?:IOMMU PFN \S{1,20} (?:RMP|not assigned in RMP)|Unexpected RMP fault|Unable to \w+ RMP|Failed to [\w ]{1,30}RMP|Leaking PFN range|Error \S+ reading RMP|Can't dump RMP|PSMASH failed|PVALIDATE failed|Unsupported exit-code|Failure in communication with VMM|Failed to decode instruction|#VC exception for INVD).{0,160})/,
  },
  {
    kind: 'msr',
    grade: 'error',
    source: '`arch/x86/mm/extable.c` (`ex_handler_msr`), `kernel/cpu/mce/core.c`, 6.1',
    example:
      'unchecked MSR access error: WRMSR to 0x1d9 (tried to write 0x0000000000004000) at rIP: 0xffffffff8a06d3e4 (native_write_msr+0x4/0x20)',
    healthy: 'msr: Write to unrecognized MSR 0x1d9 by wrmsr (pid: 77).',
    live: '`kernel_reports msr`',
    blames: 'caller',
    opens:
      /^(?:mce: )?(?:unchecked )?MSR access error: (RDMSR from|WRMSR to) (0x[0-9a-f]+)(?: \(tried to write (0x[0-9a-f]+)\))?/,
    headline: ([, access, msr, value]) =>
      `unchecked MSR access error: ${access ?? ''} ${msr ?? ''}${value === undefined ? '' : ` (value ${value})`}`,
    ends: END_BACKTRACE,
    patience: 6,
  },
];
