import type { ReportRule } from '../rule.js';
import { END_BACKTRACE } from './ends.js';

/** The lines of a decoded error. */
const records = { tail: /^(?:\{\d+\}|mce: |MCE: )?\[Hardware Error\]: /, tailGap: 2 } as const;

/** What was wrong, and with which device; whether its drivers recovered. */
const AER_DETAILS =
  /^\S{1,40} \S{1,20}: +(?:AER: +)?(?:device \[|\[ ?\d+\]|TLP Header|Error of this|can't recover|subordinate device reset)/;

/** What the hardware, or who plays it, reports of itself. What was corrected is a warning: nothing went wrong, but something is amiss. */
export const HARDWARE_RULES: readonly ReportRule[] = [
  {
    kind: 'machine-check',
    grade: 'warning',
    source: '`arch/x86/kernel/cpu/mce/core.c` (`__print_mce`), 6.1; SDM vol. 3, 15.3.2.2 (IA32_MCi_STATUS)',
    example: 'mce: [Hardware Error]: CPU 1: Machine Check: 0 Bank 5: 9c00000000000000',
    healthy: 'mce: CPU supports 10 MCE banks',
    live: '`mce` in the monitor of QEMU',
    // Bit 61 of the status, UC, is clear.
    opens: /^(?:mce: )?\[Hardware Error\]: (CPU \d+: Machine Check: \S{1,20} Bank \d+: [89cd][0-9a-f]{15})/,
    ...records,
  },
  {
    kind: 'machine-check',
    grade: 'error',
    source: '`arch/x86/kernel/cpu/mce/core.c` (`__print_mce`), 6.1',
    example: 'mce: [Hardware Error]: CPU 1: Machine Check Exception: 5 Bank 9: bd80000000100134',
    healthy: 'mce: CPU0: Thermal monitoring enabled (TM1)',
    live: '`mce` in the monitor of QEMU',
    opens:
      /^(?:mce: )?\[Hardware Error\]: (CPU \d+: Machine Check(?: Exception)?: \S{1,20} Bank \d+: [0-9a-f]+)/,
    tail: /^(?:mce: )?\[Hardware Error\]: /,
    tailGap: 2,
    taint: 'M',
  },
  {
    kind: 'machine-check',
    grade: 'error',
    source:
      '`arch/x86/kernel/cpu/mce/core.c`, `p5.c`, `arch/x86/kernel/nmi.c`, `drivers/edac/edac_mc.c`, 6.1; `drivers/acpi/apei/ghes.c`, 7.3',
    example: 'mce: Uncorrected hardware memory error in user-access at dead0000',
    healthy: 'MCE: In-kernel MCE decoding enabled.',
    opens:
      /^(?:mce: |MCE: |NMI: |EDAC \w{1,8}: |CPU#?\d+: |GHES: |\[Hardware Error\]: )*((?:\d+ UE |Uncorrected (?:hardware )?memory error in|Memory error not recovered|Kernel accessed poison|CPUs not responding to MCE|Unexpected int18|Killing \S{1,40} due to hardware memory corruption|PCI system error \(SERR\)|IOCK error|Machine Check Exception\b|.{1,60}: synchronous unrecoverable error|0x[0-9a-f]+: Sending SIGBUS to).{0,120})/,
  },
  {
    kind: 'machine-check',
    grade: 'error',
    source: '`drivers/edac/mce_amd.c` (`decode_error_status`), 6.1',
    example: '[Hardware Error]: Uncorrected, software restartable error.',
    healthy: 'MCE: In-kernel MCE decoding enabled.',
    opens: /^(?:MCE: )?\[Hardware Error\]: ((?:Uncorrected, |System Fatal )(?:software \w+ )?error)/,
    ...records,
  },
  {
    kind: 'machine-check',
    grade: 'warning',
    source: '`drivers/edac/mce_amd.c` (`decode_error_status`), 6.1',
    example: '[Hardware Error]: Corrected error, no action required.',
    healthy: 'EDAC MC: Ver: 3.0.0',
    opens: /^(?:MCE: )?\[Hardware Error\]: ((?:Corrected|Deferred) error, no action required)/,
    ...records,
  },
  {
    // What was corrected begins like what was not; the severity comes with a later line.
    kind: 'machine-check',
    grade: 'warning',
    source: '`drivers/acpi/apei/ghes.c` (`__ghes_print_estatus`), `bert.c`, 6.1',
    example: '{1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 3',
    healthy: 'GHES: APEI firmware first mode is enabled by APEI bit and WHEA _OSC.',
    opens:
      /^(?:\{\d+\}\[Hardware Error\]: (.{0,120}APEI Generic Hardware Error Source.{0,40})|BERT: (Error records from previous boot))/,
    headline: (match) => match[1] ?? match[2] ?? '',
    adds: /^(?:\{\d+\})?\[Hardware Error\]: (?:event )?(severity: .{1,40})/,
    ...records,
    absorbs: ['machine-check'],
  },
  {
    kind: 'machine-check',
    grade: 'error',
    source: '`drivers/firmware/efi/cper.c` (`cper_estatus_print`), 6.1',
    example:
      '{1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 3\n{1}[Hardware Error]: event severity: fatal',
    healthy: 'GHES: HEST is not enabled!',
    opens: /^(?:\{\d+\})?\[Hardware Error\]: (event severity: (?:fatal|recoverable))/,
    ...records,
  },
  {
    kind: 'machine-check',
    grade: 'warning',
    source: '`arch/x86/kernel/cpu/mce/core.c` (`mce_notify_irq`), 6.1',
    example: 'mce: [Hardware Error]: Machine check events logged',
    healthy: 'mce: Using 10 MCE banks',
    live: '`mce` in the monitor of QEMU',
    opens:
      /^(?:(?:mce: )?\[Hardware Error\]: (?=Machine)|EDAC \w{1,8}: )(Machine check events logged|\d+ CE .{1,120})/,
  },
  {
    kind: 'memory-failure',
    grade: 'error',
    source: '`mm/memory-failure.c`, 6.1',
    example: 'Memory failure: 0xdead0: recovery action for dirty LRU page: Recovered',
    healthy: 'Unpoison: Software-unpoisoned page 0xdead0',
    live: '`hard_offline_page` of a page in use',
    opens: /^(Memory failure: (?:0x[0-9a-f]+: |Out of memory|buffer overflow).{1,160})/,
    adds: /^Memory failure: 0x[0-9a-f]+: (recovery action for .{1,80})/,
    // One page's failure has several lines.
    tail: /^Memory failure: /,
    tailGap: 2,
    absorbs: ['memory-failure'],
  },
  {
    kind: 'pcie-error',
    grade: 'error',
    source: '`drivers/pci/pcie/aer.c`, 6.1',
    example: 'pcieport 0000:00:1c.0: AER: Uncorrected (Fatal) error message received from 0000:01:00.0',
    healthy: 'pcieport 0000:00:1c.0: AER: enabled with IRQ 24',
    live: '`pcie_aer_inject_error` in the monitor of QEMU',
    opens:
      /^(\S{1,40} \S{1,20}: (?:AER: (?:Multiple )?(?:Uncorrect(?:ed|able) \((?:Non-)?Fatal\) error .{1,60}|device recovery failed)|(?:AER: )?(?:PCIe|CXL) Bus Error: severity=Uncorrect(?:ed|able).{1,80}|DPC: containment event.{0,60}))/,
    tail: AER_DETAILS,
    tailGap: 2,
    absorbs: ['pcie-error'],
  },
  {
    kind: 'pcie-error',
    grade: 'warning',
    source: '`drivers/pci/pcie/aer.c`, 6.1',
    example: 'pcieport 0000:00:1c.0: AER: Corrected error message received from 0000:01:00.0',
    healthy: 'acpi PNP0A08:00: _OSC: OS now controls [PCIeHotplug AER PCIeCapability]',
    live: "the kernel's `aer_inject`",
    opens:
      /^(\S{1,40} \S{1,20}: (?:AER: (?:Multiple )?Correct(?:ed|able) error .{1,60}|(?:AER: )?(?:PCIe|CXL) Bus Error: severity=Correct(?:ed|able).{1,80}))/,
    tail: AER_DETAILS,
    tailGap: 2,
    absorbs: ['pcie-error'],
  },
  {
    kind: 'interrupt',
    grade: 'error',
    source: '`kernel/irq/spurious.c` (`__report_bad_irq`), 6.1',
    example: 'irq 19: nobody cared (try booting with the "irqpoll" option)',
    healthy: 'genirq: irq 19 is shared',
    blames: 'caller',
    opens: /^(irq (?:\d+: nobody cared|event \d+: bogus return value \w+))/,
    adds: /^\[<[0-9a-f]+>\] (\w+(?: \[[\w-]+\])?)/,
    ends: /^Disabling IRQ #\d+/,
    patience: 12,
  },
  {
    kind: 'interrupt',
    grade: 'error',
    source:
      '`arch/x86/kernel/irq.c`, `nmi.c`, `apic/apic.c`, 6.1 and 7.3; `arch/x86/kernel/smpboot.c`, `kernel/softirq.c`, `kernel/irq/handle.c`, `kernel/time/tick-broadcast.c`, 6.1',
    example: '__common_interrupt: 1.34 No irq handler for vector',
    healthy: 'APIC: Switch to symmetric I/O mode setup',
    live: '`nmi` in the monitor of QEMU',
    opens:
      /^((?:\w{1,40}: )?\d+\.\d+ No irq handler for vector|No irq handler for \d+\.\d+|unexpected IRQ trap at vector \w+|(?:NMI: )?Uhhuh\. NMI received for unknown reason .{1,40}|APIC error on CPU\d+: .{1,60}|[Ss]purious (?:(?:LA|A)PIC (?:timer )?interrupt|percpu IRQ).{1,80}|(?:mce: )?(?:CPU\d+: )?Unexpected (?:LVT thermal|threshold|deferred) interrupt.{0,40}|IRQ \d+ device .{1,60} returned IRQ_WAKE_THREAD.{0,60}|(?:genirq: )?exiting task .{1,60} is an active IRQ thread.{0,20}|(?:softirq: )?huh, entered softirq .{1,160}|Failed to broadcast timer tick\..{0,60}|smpboot: (?:APIC (?:never delivered|delivery error)|do_boot_cpu failed\(|CPU \d+ didn't die).{0,60})/,
  },
  {
    kind: 'interrupt',
    // Ticks of an emulated clock that a busy host did not give its guest in time: no kernel is to be accused of it.
    grade: 'info',
    source: '`arch/x86/kernel/hpet.c`, 6.1',
    example: 'hpet: Lost 3 RTC interrupts',
    healthy: 'hpet0: 3 comparators, 64-bit 100.000000 MHz counter',
    live: 'a busy host, by chance',
    opens: /^(hpet: Lost \d+ RTC interrupts)/,
  },
  {
    kind: 'interrupt',
    grade: 'error',
    source:
      '`drivers/ata/libata-sff.c`, `drivers/nvme/host/pci.c`, `drivers/mmc/host/sdhci.c`, `net/sched/sch_generic.c`, 6.1',
    example: 'ata3: lost interrupt (Status 0x50)',
    healthy: 'ata3: SATA link up 1.5 Gbps (SStatus 113 SControl 300)',
    opens:
      /^(\S{1,40}(?: \S{1,20}){0,2}: (?:[Ll]ost (?:\d+ )?(?:\w+ )?interrupts?\b.{0,60}|.{1,80} timeout, completion polled|Timeout waiting for hardware interrupt.{0,20}|NETDEV WATCHDOG: CPU: .{1,80}))/,
  },
  {
    kind: 'oom',
    grade: 'warning',
    source: '`mm/page_alloc.c` (`warn_alloc`), 6.1',
    example:
      'dma-tool: page allocation failure: order:9, mode:0xcc0(GFP_KERNEL), nodemask=(null),cpuset=/,mems_allowed=0',
    healthy: 'Mem-Info:',
    live: '`kernel_reports vmalloc`',
    blames: 'caller',
    opens: /^(.{1,32}: (?:page allocation failure: order:\d+|vmalloc error: size \d+)), /,
    ends: END_BACKTRACE,
    tail: /^(?:Mem-Info|Node|active_anon| |lowmem_reserve|\d+ (?:total|pages)|Free swap|Total swap)/,
    tailGap: 2,
  },
];
