import { expect, test } from '@playwright/test';
import { parseKernelLog } from '../../../lib/guest/kernel-log/index.js';
import { detectReports } from '../../../lib/guest/reports/index.js';

// What kernels from 5.0 to 7.3 say without WARN and without a taint, in the formats of their sources; names and numbers are made up.

/** One line for each report: kind, grade, the number of its lines, title. */
function judged(text: string): string[] {
  const lines = ['eth0: up', ...text.split('\n'), 'audit: an ordinary line'];
  const log = lines.map((line, index) => `[  101.${String(index).padStart(6, '0')}] ${line}\n`).join('');
  return detectReports(parseKernelLog(log, { format: 'dmesg' })).map(
    ({ kind, grade, title, text }) => `${kind} ${grade} ${text.split('\n').length}: ${title}`,
  );
}

const HEADER = 'CPU: 1 PID: 77 Comm: walker Not tainted 6.1.0 #1';
const trace = (...frames: string[]): string =>
  ['Call Trace:', ' <TASK>', ...frames.map((frame) => ` ${frame}`), ' </TASK>'].join('\n');
const REAP = 'widget_reap+0x41/0x90 [widget]';
const END = '---[ end trace 0000000000000000 ]---';

/** One line is one report whose title has all of it but the prefix that names the subsystem. */
const oneLiners: Record<string, readonly string[]> = {
  'bad-page error': [
    'mm/pgtable-generic.c:46: bad p4d 00000000c41d7a55(8000000dead04827)',
    'arch/x86/mm/pgtable.c:12: bad pgd 00000000c41d7a55(8000000dead04827)',
    'swap_dup: Bad swap file entry 3c00f2a57e0013b',
    'swap_info_get: Bad swap offset entry 00a11c0f',
    '_swap_info_get: Unused swap offset entry 00a11c0f',
    'unrecognized swap entry 0x3c00f2a57e0013b',
    'Read-error on swap-device (254:0:2048)',
    'Write error -5 on dio swapfile (4096)',
    'PAGETABLE BUG #01! 00000000c41d7a55 <-> 00000000c41d7a56',
    'SPTE 8000000dead04867 (@ 00000000c41d7a55) for gfn fee00 shadow-present at free',
  ],
  'dmar-fault error': [
    'IOMMU: dmar0: Page request in Privilege Mode',
    'dmar0: Invalid page request: 00000000deadbeef 0000000000000a11',
    'IOMMU 0000:00:00.2: Completion-Wait loop timed out',
    'ERROR: DMA PTE for vPFN 0x4 already set (to 3a08003 not 3a09003)',
    'dmar0: Unexpected iotlb invalidation type 0x7',
    'Initialization failed',
    'Domain initialization failed',
    'intel_iommu_map: iommu width (39) is not sufficient for the mapped address (8000004000)',
    'dmar0: No free domain ids',
    'Invalidate non-aligned address 4100, order 1',
    'IOMMU0: Failed to initialize IOMMU Hardware (error=-19)!',
    'IOMMU pte changed since we read it',
    'virtio_iommu virtio1: domain fault from EP 40',
    'virtio_iommu virtio1: unknown fault from EP 40 at 0x4000 [R]',
  ],
  'vm-entry error': [
    'vmptrld 00000000c0ffee01/3a08000 failed',
    'vmclear fail: 00000000c0ffee01/3a08000',
    'vmwrite error: reg 681e value 1000 (err 12)',
    'invept failed: ext=0x1 eptp=3a0805e',
    'enabling virtualization on CPU1 failed',
    'vcpu0, guest rIP: 0x401136 unexpected exit reason 0x4b',
    'vcpu0, guest rIP: 0x401136 svm: unexpected exit reason 0x4b',
  ],
  'tdx error': [
    'module not loaded',
    'SEAMCALL failed: leaf 8, error 0xc000020000000001.',
    'TDH.SYS.SHUTDOWN failed: 0xc000020000000001',
    'failed to initialize TDX: -5',
    'TDX-Module initialization failed (-19)',
    'initialization failed: TDMRs exhausted.',
    'GetQuote hypercall failed, status:8000000000000000',
  ],
  'rmp error': [
    'PSMASH failed for IOMMU PFN dead0 huge RMP entry, ret: 2, level: 2',
    'IOMMU PFN dead0 RMP lookup failed, ret -2',
    'Failed to update RMP entry: GFN fee00 PFN dead0 level 1 error 2',
    'Leaking PFN range 0xdead0-0xdead1',
    'Unsupported exit-code 0x404 in #VC exception (IP: 0xffffffff81a41234)',
    'Failure in communication with VMM (exit-code 0x7b IP: 0xffffffff81a41234)',
  ],
  'heap-corruption error': [
    'SLUB kmalloc-96: 3 partial slabs counted but counter=4',
    'rcu: __call_rcu_common(): Double-freed CB 00000000c0ffee01->widget_free+0x0/0x10()!!!',
    'check: Corrupted low memory at 00000000c0ffee01 (9000 phys) = 00ff00ff',
    'vfio-pci 0000:00:05.0: dma_pool_free widget pool, dma 0x0000000003a08000 already free',
  ],
  'machine-check error': [
    'Unexpected int18 (Machine Check)',
    '1 UE memory read error on DIMM#0 (channel:1 slot:0 page:0xdead0 offset:0x0 grain:32)',
    'Killing walker:77 due to hardware memory corruption fault at 7f1200000000',
    '0xdead0: Sending SIGBUS to walker:77 due to hardware memory corruption',
  ],
  'memory-failure error': [
    'Memory failure: Out of memory while machine check handling',
    'Memory failure: 0xdead0: recovery action for reserved kernel page: Ignored',
  ],
  'interrupt error': [
    'do_IRQ: 1.34 No irq handler for vector',
    'No irq handler for 1.34',
    'nvme nvme0: I/O tag 5 (1005) opcode 0x2 (I/O Cmd) QID 1 timeout, completion polled',
    'mmc0: Timeout waiting for hardware interrupt.',
    'virtio_net virtio0 eth0: NETDEV WATCHDOG: CPU: 1: transmit queue 0 timed out 5632 ms',
    'Spurious LAPIC timer interrupt on cpu 1',
    'CPU1: Unexpected LVT thermal interrupt!',
    'Failed to broadcast timer tick. Some CPUs may be unresponsive.',
    "smpboot: CPU 1 didn't die...",
    'smpboot: do_boot_cpu failed(-1) to wakeup CPU#1',
    'IRQ 19 device widget returned IRQ_WAKE_THREAD but no thread function available.',
    'softirq: huh, entered softirq 7 SCHED 00000000c0ffee01 with preempt_count 00000100, exited with 00000101?',
  ],
  'interrupt info': ['hpet: Lost 3 RTC interrupts'],
  'pcie-error error': ['pcieport 0000:00:1c.0: DPC: containment event, status:0x1f01 source:0x0000'],
  'rcu-stall error': ['rcu_preempt detected stall, but suppressed full report due to a stuck CSD-lock.'],
  'bug error': [
    'VFS: Close: file count is 0 (f_op=widget_fops)',
    'Page cache invalidation failure on direct I/O.',
    'psi: inconsistent task state! task=77:walker cpu=1 psi_flags=4 clear=1 set=0',
  ],
  'oom warning': [
    'SLUB: Unable to allocate memory on node 0, gfp=0xcc0(GFP_KERNEL)',
    'PID 77 killed due to inadequate hugepage pool',
    'vfio-pci 0000:00:05.0: swiotlb buffer is full (sz: 65536 bytes), total 32768 (slots), used 32768 (slots)',
  ],
};

/** As whom a kernel says these; older kernels say some of them as nobody. */
const prefixes: Partial<Record<string, readonly string[]>> = {
  'IOMMU 0000': ['AMD-Vi: '],
  IOMMU0: ['AMD-Vi: '],
  'IOMMU pte': ['AMD-Vi: ', 'AMD-Vi: AMD-Vi: '],
  Domain: ['DMAR: '],
  intel_iommu_map: ['DMAR: '],
  'dmar0: No': ['DMAR: '],
  'Invalidate non': ['DMAR: '],
  Unsupported: ['SEV: '],
  Failure: ['SEV: '],
  'IOMMU PFN': ['AMD-Vi: '],
  'PSMASH failed': ['AMD-Vi: '],
  'ERROR: DMA': ['DMAR: '],
  'dmar0: Unexpected': ['DMAR: '],
  'dmar0: Invalid': ['', 'DMAR: '],
  'Initialization failed': ['DMAR: '],
  vm: ['', 'kvm: ', 'kvm_intel: '],
  invept: ['', 'kvm_intel: '],
  vcpu0: ['kvm: ', 'kvm [411]: ', 'kvm_intel: kvm [411]: '],
  enabling: ['kvm: '],
  module: ['virt/tdx: '],
  SEAMCALL: ['virt/tdx: ', 'kvm_intel: ', 'tdx: ', ''],
  'TDH.': ['virt/tdx: '],
  'TDX-Module': ['virt/tdx: '],
  'failed to initialize': ['kvm: ', 'kvm_intel: '],
  'initialization failed:': ['virt/tdx: '],
  GetQuote: ['tdx_guest: '],
  'Failed to update': ['kvm_amd: SEV: '],
  Leaking: ['SEV-SNP: '],
  SPTE: ['kvm: ', ''],
  'Unexpected int18': ['mce: CPU1: ', 'CPU#1: '],
  '1 UE': ['EDAC MC0: '],
  Killing: ['MCE: '],
  '0xdead0: Sending': ['GHES: '],
  CPU1: ['mce: ', ''],
  rcu_preempt: ['rcu: INFO: '],
};

for (const [expected, lines] of Object.entries(oneLiners)) {
  const [kind = '', grade = ''] = expected.split(' ');
  for (const line of lines) {
    const said = Object.entries(prefixes).find(([begin]) => line.startsWith(begin))?.[1] ?? [''];
    test(`${kind}: ${line.slice(0, 70)}`, () => {
      for (const prefix of said) {
        const [report = '', ...more] = judged(prefix + line);
        expect(report).toMatch(new RegExp(`^${kind} ${grade} 1: `));
        expect(report).toContain(line);
        expect(more).toEqual([]);
      }
    });
  }
}

const dumps: Record<string, [text: string, ...reports: string[]]> = {
  'a VMCS': [
    `kvm_intel: VMCS 00000000c0ffee01, last attempted VM-entry on CPU 1
kvm_intel: *** Guest State ***
kvm_intel: CR0: actual=0x0000000080050033, shadow=0x0000000080050033, gh_mask=fffffffffffefff7
kvm_intel: PDPTR0 = 0x0000000000000000  PDPTR1 = 0x0000000000000000
kvm_intel: RFLAGS=0x00000002         DR7 = 0x0000000000000400
kvm_intel: Sysenter RSP=0000000000000000 CS:RIP=0000:0000000000000000
kvm_intel: CS:   sel=0xf000, attr=0x0009b, limit=0x0000ffff, base=0x00000000ffff0000
kvm_intel: GDTR:                           limit=0x0000ffff, base=0x0000000000000000
kvm_intel: EFER= 0x0000000000000000 (effective)
kvm_intel: MSR guest autoload:
kvm_intel:   0: msr=0x00000600 value=0x0000000000000000
kvm_intel: *** Host State ***
kvm_intel: CS=0010 SS=0018 DS=0000 ES=0000 FS=0000 GS=0000 TR=0040
kvm_intel: *** Control State ***
kvm_intel: VMEntry: intr_info=00000000 errcode=00000000 ilen=00000000
kvm_intel:         reason=80000021 qualification=0000000000000000
kvm_intel: SVI|RVI = 00|00 TPR Threshold = 0x00
kvm_intel: APIC-access addr = 0x0000000003a0b000 virt-APIC addr = 0x0000000003a0c000
kvm_intel: Virtual processor ID = 0x0001
kvm_intel: ve_info: 0x00000000 0xffffffff 0x0000000000000000 0x0000000000000000 0x0000000000000000 0x0000`,
    'vm-entry error 20: VM entry failed (VMCS 00000000c0ffee01, last attempted VM-entry on CPU 1)',
  ],
  'a VMCB': [
    `kvm_amd: SEV-ES vCPU0 VMCB 00000000c0ffee01, last attempted VMRUN on CPU 1
kvm_amd: VMCB Control Area:
kvm_amd: cr_read:            0010
kvm_amd: intercepts:         bc4c8027 0000224f
kvm_amd: pause filter threshold:128
kvm_amd: VMCB State Save Area:
kvm_amd: es:   s: 0000 a: 0093 l: 0000ffff b: 0000000000000000
kvm_amd: vmpl: 0   cpl:  0               efer:          0000000000001000
kvm_amd: cr0:            0000000060000010 cr2:           0000000000000000
kvm_amd: cr3:            0000000000000000 cr4:           0000000000000000
kvm_amd: dr6:            00000000ffff0ff0 dr7:           0000000000000400
kvm_amd: kernel_gs_base: 0000000000000000 sysenter_cs:   0000000000000000
kvm_amd: sev_features    0000000000000001`,
    'vm-entry error 13: VM entry failed (SEV-ES vCPU0 VMCB 00000000c0ffee01, last attempted VMRUN on CPU 1)',
  ],
  'a VMCB of Linux 5.4': [
    `KVM: FAILED VMRUN WITH VMCB:
VMCB Control Area:
cr_read:            0010
exit_code:          ffffffff
cpl:            0                efer:         0000000000001000
cr0:            0000000060000010 cr2:          0000000000000000`,
    'vm-entry error 6: VM entry failed (KVM: FAILED VMRUN WITH VMCB)',
  ],
  'SPTEs of Linux 5.4': [
    `walk_shadow_page_get_mmio_spte: detect reserved bits on spte, addr 0xfee00000, dump hierarchy:
------ spte 0xa1b2c907 level 4.
------ spte 0xa1b2d907 level 3.`,
    'bad-page error 3: walk_shadow_page_get_mmio_spte: detect reserved bits on spte, addr 0xfee00000',
  ],
  'the tables behind a DMAR fault': [
    `DMAR: DRHD: handling fault status reg 2
DMAR: [DMA Write NO_PASID] Request device [0000:00:05.0] fault addr 0x4000 [fault reason 0x05] PTE Write access is not set
DMAR: Dump dmar0 table entries for IOVA 0x4000
DMAR: context entry: hi 0x0000000000000102, low 0x0000000003a09001
DMAR: pte level: 4, pte value: 0x0000000003a0a003
DMAR: page table not present at level 3`,
    'dmar-fault error 6: DMAR fault: DMA Write NO_PASID by device 0000:00:05.0 fault addr 0x4000 [fault reason 0x05] PTE Write access is not set',
  ],
  "an AMD IOMMU's device table entry": [
    `vfio-pci 0000:00:05.0: AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=0000:00:05.0 pasid=0x00000 address=0x4000 flags=0x0a00]
AMD-Vi: DTE[0]: 6190000000000003
AMD-Vi: DTE[1]: 0000100103fe0002`,
    'dmar-fault error 3: IOMMU fault: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=0000:00:05.0 pasid=0x00000 address=0x4000 flags=0x0a00]',
  ],
  "an AMD IOMMU's fault of a device that is nobody's, as Linux 4 and 5 say it": [
    'AMD-Vi: AMD-Vi: Event logged [IO_PAGE_FAULT device=00:05.0 domain=0x0012 address=0x4000 flags=0x0020]',
    'dmar-fault error 1: IOMMU fault: Event logged [IO_PAGE_FAULT device=00:05.0 domain=0x0012 address=0x4000 flags=0x0020]',
  ],
  'an RMP update and its caller': [
    `SEV-SNP: RMPUPDATE failed for PFN dead0, pg_level: 1, ret: 2
SEV-SNP: PFN 0xdead0, RMP entry: [0x0000000000000000 - 0x0000000000000000]
${HEADER}
${trace('dump_stack_lvl+0x45/0x5a', 'rmpupdate+0x12/0x20', 'rmp_make_private+0x1/0x2', REAP)}`,
    `rmp error 10: RMPUPDATE failed for PFN dead0, pg_level: 1, ret: 2 in ${REAP}`,
  ],
  'decoded errors of an AMD CPU': [
    `[Hardware Error]: Uncorrected, software restartable error.
[Hardware Error]: CPU:1 (19:21:2) MC0_STATUS[-|UE|MiscV|AddrV|-|TCC|-|-|-|Poison|-]: 0xbc002800000c0135
[Hardware Error]: Error Addr: 0x00000000dead0000
eth0: down
[Hardware Error]: Deferred error, no action required.
[Hardware Error]: CPU:1 (19:21:2) MC0_STATUS[-|-|MiscV|AddrV|-|-|-|-|Deferred|-|-]: 0x9c002800000c0135`,
    'machine-check error 3: Uncorrected, software restartable error',
    'machine-check warning 2: Deferred error, no action required',
  ],
  'what firmware corrected': [
    `{1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 3
{1}[Hardware Error]: It has been corrected by h/w and requires no further action
{1}[Hardware Error]: event severity: corrected
{1}[Hardware Error]:  Error 0, type: corrected`,
    'machine-check warning 4: Hardware error from APEI Generic Hardware Error Source: 3: severity: corrected',
  ],
  'what firmware did not correct': [
    `{2}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 3
{2}[Hardware Error]: event severity: recoverable
{2}[Hardware Error]:  Error 0, type: recoverable`,
    'machine-check error 3: Hardware error from APEI Generic Hardware Error Source: 3: severity: recoverable',
  ],
  'what firmware remembers': [
    `BERT: Error records from previous boot:
[Hardware Error]: event severity: fatal`,
    'machine-check error 2: Error records from previous boot: severity: fatal',
  ],
  'a page that failed, with what became of it': [
    `Memory failure: 0xdead0: Sending SIGBUS to walker:77 due to hardware memory corruption
Memory failure: 0xdead0: recovery action for dirty LRU page: Recovered`,
    'memory-failure error 2: Memory failure: 0xdead0: Sending SIGBUS to walker:77 due to hardware memory corruption: recovery action for dirty LRU page: Recovered',
  ],
  'a machine check that the kernel does not survive': [
    `mce: [Hardware Error]: CPU 1: Machine Check Exception: 5 Bank 9: bd80000000100134
mce: [Hardware Error]: RIP !INEXACT! 10:<ffffffff81a41234> {mwait_idle+0x41/0x90}
mce: [Hardware Error]: Machine check: Processor context corrupt
Kernel panic - not syncing: Fatal machine check
---[ end Kernel panic - not syncing: Fatal machine check ]---`,
    'machine-check error 3: CPU 1: Machine Check Exception: 5 Bank 9: bd80000000100134',
    'panic fatal 2: Kernel panic: Fatal machine check',
  ],
  'an interrupt that nobody wants, and whose it was': [
    `irq 19: nobody cared (try booting with the "irqpoll" option)
${HEADER}
Call Trace:
 <IRQ>
 dump_stack_lvl+0x45/0x5a
 __report_bad_irq+0x35/0xa7
 handle_fasteoi_irq+0x71/0x1c0
 </IRQ>
handlers:
[<00000000c0ffee01>] widget_interrupt [widget]
Disabling IRQ #19`,
    'interrupt error 11: irq 19: nobody cared in handle_fasteoi_irq+0x71/0x1c0: widget_interrupt [widget]',
  ],
  'a CPU that answers no more': [
    `smp: csd: Detected non-responsive CSD lock (#1) on CPU#0, waiting 5000000032 ns for CPU#01 widget_flush+0x0/0x90(0x0).
smp: \tcsd: CSD lock (#1) unresponsive.
Sending NMI from CPU 0 to CPUs 1:
NMI backtrace for cpu 1
${HEADER}
RIP: 0010:${REAP}
${trace('widget_ioctl+0x41/0x90 [widget]')}`,
    `soft-lockup error 10: non-responsive CSD lock (#1) on CPU#0, waiting 5000000032 ns for CPU#01 widget_flush+0x0/0x90(0x0). in ${REAP}`,
  ],
  "a SLUB report of Linux 7, whose trace is WARN's": [
    `${'='.repeat(77)}
BUG kmalloc-96 (Not tainted): Left Redzone overwritten
${'-'.repeat(77)}

0xffff888003401c50-0xffff888003401c50 @offset=3152. First byte 0x6a instead of 0xbb
------------[ cut here ]------------
WARNING: mm/slub.c:1188 at object_err+0x51/0xa0, CPU#1: walker/77
${HEADER}
RIP: 0010:object_err+0x51/0xa0
${trace('check_object+0x24a/0x2a0', 'kfree+0x1/0x2', REAP)}
${END}
FIX kmalloc-96: Restoring Left Redzone 0xffff888003401c50-0xffff888003401c50=0xbb`,
    `heap-corruption error 17: BUG kmalloc-96: Left Redzone overwritten in ${REAP}`,
  ],
  'a copy that is refused': [
    `usercopy: Kernel memory overwrite attempt detected to SLUB object 'kmalloc-96' (offset 0, size 97)!
------------[ cut here ]------------
kernel BUG at mm/usercopy.c:102!
invalid opcode: 0000 [#1] PREEMPT SMP NOPTI
${HEADER}
RIP: 0010:usercopy_abort+0x75/0x77
${trace('__check_object_size+0x1c1/0x1f0', REAP)}
${END}`,
    `bug fatal 12: usercopy: Kernel memory overwrite attempt detected to SLUB object 'kmalloc-96' (offset 0, size 97)! in ${REAP}`,
  ],
  'a call that control-flow integrity refuses': [
    `CFI failure at ${REAP} (target: widget_sow+0x0/0x20 [widget]; expected type: 0x0badc0de)
invalid opcode: 0000 [#1] PREEMPT SMP NOPTI
${HEADER}
${END}`,
    `bug fatal 4: CFI failure at ${REAP} (target: widget_sow+0x0/0x20 [widget]; expected type: 0x0badc0de)`,
  ],
  'a sanitizer report that somebody decoded': [
    `BUG: KMSAN: kernel-infoleak in instrument_copy_to_user include/linux/instrumented.h:114 [inline]
BUG: KMSAN: kernel-infoleak in _copy_to_user+0x41/0x90 lib/usercopy.c:40
Bytes 4-7 of 16 are uninitialized
${'='.repeat(53)}`,
    'kmsan error 4: KMSAN: kernel-infoleak in instrument_copy_to_user: Bytes 4-7 of 16 are uninitialized',
  ],
  'a Rust panic': [
    `rust_kernel: panicked at drivers/widget/reap.rs:41:9:
attempt to multiply with overflow
------------[ cut here ]------------
kernel BUG at rust/helpers/bug.c:7!
Oops: invalid opcode: 0000 [#1] SMP NOPTI
${HEADER}
RIP: 0010:rust_helper_BUG+0x8/0x10
${trace('_RNvCsa_7___rustc17rust_begin_unwind+0x1/0x2', '_RNvNtCsb_4core9panicking9panic_fmt+0x1/0x2', REAP)}
${END}`,
    `bug fatal 14: Rust panicked at drivers/widget/reap.rs:41:9 in ${REAP}: attempt to multiply with overflow`,
  ],
  "lockdep's check of itself": [
    `------------[ cut here ]------------
DEBUG_LOCKS_WARN_ON(depth <= 0)
WARNING: CPU: 1 PID: 77 at kernel/locking/lockdep.c:5031 lock_release+0x1/0x2
${HEADER}
RIP: 0010:lock_release+0x1/0x2
${trace('_raw_spin_unlock+0x1/0x2', REAP)}
${END}`,
    `lockdep error 11: lockdep: WARNING at kernel/locking/lockdep.c:5031 in ${REAP}: DEBUG_LOCKS_WARN_ON(depth <= 0)`,
  ],
  'a list that is broken, where the words got lost': [
    `------------[ cut here ]------------
kernel BUG at lib/list_debug.c:47!
invalid opcode: 0000 [#1] SMP
RIP: 0010:__list_del_entry_valid.cold+0xf/0x6f
${trace(REAP)}
${END}`,
    `list-corruption fatal 9: kernel BUG at lib/list_debug.c:47 in ${REAP}`,
  ],
  'an overflow that a string function finds': [
    `detected buffer overflow in strscpy
------------[ cut here ]------------
kernel BUG at lib/string_helpers.c:1027!
invalid opcode: 0000 [#1] SMP
RIP: 0010:fortify_panic+0xf/0x11
${trace(REAP)}
${END}`,
    `bug fatal 10: detected buffer overflow in strscpy in ${REAP}`,
  ],
  'a selector that is none, as 6.1 and as 5.4 say it': [
    `segment-related general protection fault: beec [#1] PREEMPT SMP NOPTI
${END}
general protection fault for non-canonical address 0xdead000000000122: 0000 [#2] SMP
${END}`,
    'general-protection fatal 2: segment-related general protection fault',
    'general-protection fatal 2: general protection fault, for non-canonical address 0xdead000000000122',
  ],
  'leaks with their owners': [
    `kmemleak: unreferenced object 0xffff888003401c40 (size 96):
kmemleak:   comm "walker", pid 77, jiffies 4294893211 (age 12.340s)
kmemleak:   backtrace:
kmemleak:     [<00000000c0ffee01>] widget_sow+0x12/0x20 [widget]
kmemleak: unreferenced object 0xffff888003401ca0 (size 96):
kmemleak:   comm "walker", pid 77, jiffies 4294893211 (age 12.340s)`,
    'memory-leak warning 6: unreferenced object 0xffff888003401c40 (size 96)',
  ],
  'a port that cannot recover': [
    `pcieport 0000:00:1c.0: AER: Uncorrected (Non-Fatal) error message received from 0000:00:1c.0
pcieport 0000:00:1c.0: PCIe Bus Error: severity=Uncorrected (Non-Fatal), type=Transaction Layer, (Requester ID)
pcieport 0000:00:1c.0:   device [1b36:000c] error status/mask=00004000/00000000
pcieport 0000:00:1c.0:    [14] CmpltTO                (First)
widget 0000:01:00.0: AER: can't recover (no error_detected callback)
pcieport 0000:00:1c.0: AER: subordinate device reset failed
pcieport 0000:00:1c.0: AER: device recovery failed`,
    'pcie-error error 7: pcieport 0000:00:1c.0: AER: Uncorrected (Non-Fatal) error message received from 0000:00:1c.0',
  ],
  "names that hold a line's end": [
    `INFO: task
ker:77 blocked for more than 120 seconds.
${trace('schedule+0x5a/0xd0', REAP)}
watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [
ker:77]
${HEADER}
RIP: 0010:${REAP}
${trace(REAP)}`,
    `hung-task error 6: hung task: ker:77 blocked for more than 120 s in ${REAP}`,
    `soft-lockup error 8: soft lockup: CPU#1 stuck for 26s! [ in ${REAP}`,
  ],
  'lockdep as Linux 4 headed it': [
    `[ INFO: possible recursive locking detected ]
${HEADER}
${trace('lock_acquire+0x1/0x2', 'down+0x1/0x2', REAP)}`,
    `lockdep error 8: lockdep: possible recursive locking detected in ${REAP}`,
  ],
  "a sanitizer's find in a function that everybody calls": [
    `BUG: KASAN: slab-use-after-free in __lock_acquire+0x41/0x90
Read of size 8 at addr ffff888003401c40 by task walker/77
${HEADER}
${trace('dump_stack_lvl+0x45/0x5a', 'kasan_report+0x1/0x2', '__lock_acquire+0x41/0x90', '_raw_spin_lock+0x1/0x2', REAP)}
${'='.repeat(66)}`,
    `kasan error 12: KASAN: slab-use-after-free in ${REAP}: Read of size 8 at addr ffff888003401c40`,
  ],
  'an oops whose instruction pointer is nowhere, behind another': [
    `kernel tried to execute NX-protected page - exploit attempt? (uid: 0)
BUG: unable to handle page fault for address: ffff888003401c40
Oops: 0011 [#2] PREEMPT SMP NOPTI
${HEADER}
RIP: 0010:0xffff888003401c40
${trace(`? ${REAP}`)}
${END}
RIP: 0010:widget_sow+0x1/0x2 [widget]`,
    'page-fault fatal 11: kernel tried to execute NX-protected page: page fault for address: ffff888003401c40',
  ],
  'a copy out of an object that the compiler knows': [
    `------------[ cut here ]------------
Buffer overflow detected (96 < 97)!
WARNING: CPU: 1 PID: 77 at mm/maccess.c:228 __copy_overflow+0x16/0x30
${HEADER}
RIP: 0010:__copy_overflow+0x16/0x30
${trace(REAP)}
${END}`,
    `warning error 10: WARNING at mm/maccess.c:228 in ${REAP}: Buffer overflow detected (96 < 97)!`,
  ],
  'a write to a free page, found by who allocates it': [
    `pagealloc: memory corruption
00000000c0ffee01: 40                                               @
${HEADER}
${trace('dump_stack_lvl+0x44/0x5c', '__kernel_unpoison_pages.cold+0x49/0x85', 'get_page_from_freelist+0x1/0x2', '__alloc_pages+0x1/0x2', '__get_free_pages+0xd/0x40', REAP)}`,
    `heap-corruption error 12: pagealloc: memory corruption in ${REAP}`,
  ],
  'what the CPU corrected': [
    `mce: [Hardware Error]: CPU 0: Machine Check: 0 Bank 4: 9c00000000000136
mce: [Hardware Error]: TSC 0 ADDR 4000 
mce: [Hardware Error]: CPU 0: Machine Check: 0 Bank 4: bc00000000000136`,
    'machine-check warning 2: CPU 0: Machine Check: 0 Bank 4: 9c00000000000136',
    'machine-check error 1: CPU 0: Machine Check: 0 Bank 4: bc00000000000136',
  ],
  'lines that all begin with blanks': [
    `  WARNING: CPU: 0 PID: 77 at drivers/widget/reap.c:41 ${REAP}
  ${HEADER}
  RIP: 0010:${REAP}
  ${END}`,
    `warning error 4: WARNING at drivers/widget/reap.c:41 in ${REAP}`,
  ],
  'a trace whose lines all begin with a blank': [
    ` widget: leaf 7 is gone
 ${HEADER}
 Call Trace:
  dump_stack+0x66/0x8b
  ${REAP}`,
    `trace error 5: call trace without a report in ${REAP}: widget: leaf 7 is gone`,
  ],
};

for (const [what, [text, ...reports]] of Object.entries(dumps)) {
  test(`whole, and named: ${what}`, () => {
    expect(judged(text)).toEqual(reports);
  });
}

test('among dated lines, undated ones are read that no program would write', () => {
  for (const line of [
    'BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 34s!',
    'BUG: using smp_processor_id() in preemptible [00000000] code: walker/77',
    'invalid opcode: 0000 [#1] PREEMPT SMP NOPTI',
    'walker invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=0',
    'virt/tdx: SEAMCALL (0x0000000000000022) failed: 0xc000050500000000',
    'INFO: task walker:77 blocked for more than 120 seconds.',
  ])
    expect(
      detectReports(parseKernelLog(`[   61.000000] eth0: up\n${line}\n`, { format: 'dmesg' })),
    ).toHaveLength(1);
});

const hung: readonly string[][] = [
  ['schedule_preempt_disabled+0x11/0x20', '__mutex_lock.isra.0+0x182/0x4f0', 'mutex_lock+0x2e/0x40'],
  ['rwsem_down_read_slowpath+0x2ab/0x5f0', 'down_read+0x5d/0x60', 'mmap_read_lock+0x1/0x2'],
  ['io_schedule+0x42/0x70', 'folio_wait_bit_common+0x13d/0x350', '__filemap_get_folio+0x1/0x2'],
  [
    'io_schedule+0x42/0x70',
    'bit_wait_io+0x1/0x2',
    'out_of_line_wait_on_bit+0x1/0x2',
    'wait_on_buffer+0x1/0x2',
  ],
  [
    'schedule_timeout+0x11d/0x160',
    '__wait_for_common+0x8a/0x160',
    '__flush_work+0x1/0x2',
    'cancel_work_sync+0x1/0x2',
  ],
  [
    'schedule_timeout+0x11d/0x160',
    'wait_for_completion+0x8a/0x160',
    '__synchronize_srcu+0x1/0x2',
    'synchronize_srcu+0x1/0x2',
  ],
  ['schedule_preempt_disabled+0x11/0x20', '__mutex_lock+0x182/0x4f0', 'rtnl_lock+0x1/0x2'],
  ['percpu_rwsem_wait+0x1/0x2', '__percpu_down_read+0x1/0x2'],
  ['dma_fence_default_wait+0x1/0x2', 'dma_fence_wait_timeout+0x1/0x2'],
  ['preempt_schedule_irq+0x1/0x2', 'irqentry_exit+0x1/0x2', 'asm_sysvec_apic_timer_interrupt+0x1/0x2'],
];

for (const frames of hung) {
  test(`a task that hangs in ${(frames.at(-1) ?? '').replace(/\+.*/, '')} is named by its caller`, () => {
    const [report] = judged(
      `INFO: task walker:77 blocked for more than 120 seconds.\n${trace('__schedule+0x34d/0x9e0', 'schedule+0x5a/0xd0', ...frames, REAP)}`,
    );
    expect(report).toMatch(/: hung task: walker:77 blocked for more than 120 s in widget_reap/);
  });
}

/** What healthy kernels say in the same words. */
const healthy = `DMAR: IOMMU enabled
DMAR: Host address width 46
DMAR: DRHD base: 0x000000fed90000 flags: 0x1
DMAR: dmar0: reg_base_addr fed90000 ver 1:0 cap d2008c22260286 ecap f00f5a
DMAR: RMRR base: 0x0000007b800000 end: 0x0000007fffffff
DMAR: ATSR flags: 0x0
DMAR: No SATC found
DMAR: IOMMU batching disallowed due to virtualization
DMAR: Intel-IOMMU force enabled due to platform opt in
DMAR: dmar0: Using Register based invalidation
DMAR: [Firmware Bug]: RMRR entry for device 1a:08.0 is broken - applying workaround
DMAR-IR: IOAPIC id 0 under DRHD base  0xfed90000 IOMMU 0
DMAR-IR: Queued invalidation will be enabled to support x2apic and Intr-remapping.
DMAR-IR: Enabled IRQ remapping in x2apic mode
iommu: Default domain type: Translated (set via kernel command line)
iommu: DMA domain TLB invalidation policy: strict mode
pci 0000:00:05.0: Adding to iommu group 3
virtio_iommu virtio0: input address: 64 bits
virtio_iommu virtio0: page mask: 0xfffffffffffff000
AMD-Vi: Using global IVHD EFR:0x841f77e022094ace, EFR2:0x0
AMD-Vi: Extended features (0x841f77e022094ace, 0x0): PPR NX GT IA GA PC GA_vAPIC
AMD-Vi: Interrupt remapping enabled
AMD-Vi: X2APIC enabled
perf/amd_iommu: Detected AMD IOMMU #0 (2 banks, 4 counters/bank).
software IO TLB: mapped [mem 0x000000007b800000-0x000000007f800000] (64MB)
software IO TLB: SWIOTLB bounce buffer size adjusted to 127MB
mce: CPU0: Thermal monitoring enabled (TM1)
mce: [Firmware Bug]: Ignoring request to disable invalid MCA bank 1.
mce: Using 10 MCE banks
mce: CPU supports 10 MCE banks
MCE: In-kernel MCE decoding enabled.
EDAC MC: Ver: 3.0.0
EDAC MC0: Giving out device to module skx_edac controller Skylake Socket#0 IMC#0: DEV 0000:3a:0a.0 (INTERRUPT)
GHES: APEI firmware first mode is enabled by APEI bit and WHEA _OSC.
ERST: Error Record Serialization Table (ERST) support is initialized.
HEST: Enabling Firmware First mode for corrected errors.
BERT: Boot Error Record Table support is disabled. Enable it by using bert_enable as kernel parameter.
pcieport 0000:00:1c.0: AER: enabled with IRQ 24
pcieport 0000:00:1c.0: DPC: enabled with IRQ 24
pcieport 0000:00:1c.0: DPC: error containment capabilities: Int Msg #0, RPExt- PoisonedTLP- SwTrigger- RP PIO Log 0, DL_ActiveErr-
acpi PNP0A08:00: _OSC: OS now controls [PCIeHotplug PME AER PCIeCapability LTR DPC]
Memory: 484260K/523772K available (16384K kernel code, 2600K rwdata)
SLUB: HWalign=64, Order=0-3, MinObjects=0, CPUs=2, Nodes=1
mem auto-init: stack:off, heap alloc:on, heap free:off
page_owner is disabled
x86/mm: Checked W+X mappings: passed, no W+X pages found.
x86/mm: checking user space page tables
kfence: initialized - using 2097152 bytes for 255 objects at 0x(____ptrval____)-0x(____ptrval____)
Kernel/User page tables isolation: enabled
Adding 1048572k swap on /dev/vda2.  Priority:-2 extents:1 across:1048572k
HugeTLB: registered 2.00 MiB page size, pre-allocated 0 pages
rcu: Preemptible hierarchical RCU implementation.
rcu: 	RCU restricting CPUs from NR_CPUS=8192 to nr_cpu_ids=2.
rcu: 	Tracing variant of Tasks RCU enabled.
rcu: RCU calculated value of scheduler-enlistment delay is 25 jiffies.
RCU Tasks: Setting shift to 1 and lim to 1 rcu_task_cb_adjust=1 rcu_task_cpu_ids=2.
RCU Tasks Trace: Setting shift to 1 and lim to 1 rcu_task_cb_adjust=1.
rcu: Hierarchical SRCU implementation.
rcu_tasks_wait_gp: rcu_tasks grace period number 9 (since boot) is 2504 jiffies old.
Spectre V2 : Spectre v2 / SpectreRSB mitigation: Filling RSB on context switch
APIC: Switch to symmetric I/O mode setup
..TIMER: vector=0x30 apic1=0 pin1=2 apic2=-1 pin2=-1
unchecked_isa_dma is not here
clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable because the skew is too large:
clocksource: Watchdog clocksource 'hpet' wd_nsec: 503961192 wd_now: 2b5e3f2 wd_last: 247ee0b mask: ffffffff
perf: interrupt took too long (2503 > 2500), lowering kernel.perf_event_max_sample_rate to 79750
hrtimer: interrupt took 3456789 ns
INFO: NMI handler (perf_event_nmi_handler) took too long to run: 1.234 msecs
sched: RT throttling activated
NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.
watchdog: Delayed init of the lockup detector failed: -19
smpboot: CPU 1 is now offline
smpboot: Booting Node 0 Processor 1 APIC 0x1
VFS: Dquot-cache hash table entries: 512 (order 0, 4096 bytes)
VFS: Finished mounting rootfs on nullfs
psi: PSI is on
rust_kernel: Rust is in the kernel
BUG UNIX (Not tainted): kasan: bad access detected
smpboot: Estimated ratio of average max frequency by base frequency (times 1024): 1024
virt/tdx: BIOS enabled: private KeyID range [32, 64)
virt/tdx: TDX not supported by the host platform
virt/tdx: Disable ACPI S3. Turn off TDX in the BIOS to use ACPI S3.
virt/tdx: TDX-Module initialized
virt/tdx: 262668 KB allocated for PAMT
virt/tdx: TDX module: attributes 0x0, vendor_id 0x8086, major_version 1, minor_version 5, build_date 20240129, build_num 698
tdx: Guest detected
tdx: Attributes: SEPT_VE_DISABLE
Memory Encryption Features active: Intel TDX
SEV-SNP: RMP table physical range [0x000000007e000000 - 0x000000007effffff]
SEV: SNP running at VMPL0.
ccp 0000:23:00.1: sev enabled
ccp 0000:23:00.1: SEV API:1.55 build:8
kvm_amd: SEV supported: 509 ASIDs
kvm_amd: Nested Virtualization enabled
kvm_amd: kvm [411]: vcpu0, guest rIP: 0xffffffff81040a1b unhandled rdmsr: 0x1ad
kvm_intel: VMX not supported by CPU 0
kvm: support for 'kvm_amd' disabled by bios
kvm: no hardware support
kvm: SMP vm created on host with unstable TSC; guest TSC will not be reliable
kvm-guest: PV spinlocks disabled, no host support
msr: Write to unrecognized MSR 0x150 by wrmsr (pid: 77).
x86/split lock detection: #DB: walker/77 took a bus_lock trap at address: 0x401136
process 'walker' launched '/dev/fd/3' with NULL argv: empty string added
walker[77]: segfault at 40 ip 0000000000401136 sp 00007ffc0000 error 4 in walker[401000+1000]
traps: walker[77] general protection fault ip:401136 sp:7ffc0000 error:0 in walker[401000+1000]
ata1: SATA link down (SStatus 0 SControl 300)
nvme nvme0: 2/0/0 default/read/poll queues
genirq: Flags mismatch irq 4. 00000000 (ttyS0) vs. 00000080 (widget)
vfio-pci 0000:00:05.0: enabling device (0000 -> 0002)
VFIO - User Level meta-driver version: 0.3
vfio_iommu_type1_attach_group: No interrupt remapping support.  Use the module param "allow_unsafe_interrupts" to enable VFIO IOMMU support on this platform
vfio_pin_pages_remote: RLIMIT_MEMLOCK (8388608) exceeded
systemd[1]: Failed to start widget.service - Widgets.
systemd[1]: widget.service: Failed with result 'exit-code'.
audit: type=1400 audit(1700000000.000:2): apparmor="STATUS" operation="profile_load"
alg: No test for fips(ansi_cprng) (fips_ansi_cprng)
kcsan: selftest: 3/3 tests passed
Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
ODEBUG: selftest passed
| Locking API testsuite:
Good, all 358 testcases passed! |
Injecting memory failure for pfn 0xdead0 at process virtual address 0x7f1200000000
Unpoison: Software-unpoisoned page 0xdead0
Soft offlining pfn 0xdead0 at process virtual address 0x7f1200000000
PM: suspend entry (s2idle)
Bad RAM detected. Use memtest86+ to perform a thorough test
`;

test('what healthy kernels say in the same words is no report', () => {
  for (const line of healthy.trimEnd().split('\n')) expect(judged(line), line).toEqual([]);
  expect(judged(healthy)).toEqual([]);
});
