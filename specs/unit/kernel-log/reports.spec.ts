import { expect, test } from '@playwright/test';
import { parseKernelLog } from '../../../lib/guest/kernel-log/index.js';
import { detectReports } from '../../../lib/guest/reports/index.js';
import type { Grade, KernelReport, ReportKind } from '../../../lib/guest/reports/index.js';
import { recorded } from './recorded.js';

function reportsOf(log: string): KernelReport[] {
  return detectReports(parseKernelLog(log, { format: 'dmesg' }));
}

interface Expected {
  readonly kind: ReportKind;
  readonly grade: Grade;
  readonly title: string;
  /** Number of lines, and how the first and the last one begin. */
  readonly lines: number;
  readonly first: string;
  readonly last: string;
  readonly taints: string;
}

const CUT = '------------[ cut here ]';
const END = '---[ end trace';

const cases: Record<string, Expected[]> = {
  'oops-null': [
    {
      kind: 'taint',
      grade: 'warning',
      title: 'taint O: fault_module: loading out-of-tree module taints kernel',
      lines: 1,
      first: 'fault_module: loading',
      last: 'fault_module: loading',
      taints: 'O',
    },
    {
      kind: 'page-fault',
      grade: 'fatal',
      title: 'NULL pointer dereference at 0x0 in fault_trigger+0x2a/0x90 [fault_module]',
      lines: 40,
      first: 'BUG: kernel NULL pointer dereference',
      last: 'note: sh[301] exited with irqs disabled',
      taints: 'D',
    },
  ],
  warn: [
    {
      kind: 'warning',
      grade: 'error',
      title:
        'WARNING at mm/memory.c:2710 in __apply_to_page_range+0x6b2/0x7a0: leaf in the way at 0x7f1200000000',
      lines: 22,
      first: CUT,
      last: END,
      taints: 'W',
    },
  ],
  bug: [
    {
      kind: 'bug',
      grade: 'fatal',
      title: 'kernel BUG at mm/gup.c:144 in try_grab_page+0x1d4/0x210',
      lines: 22,
      first: CUT,
      last: 'RSP: 0018:ffffb1a8c02cfd70',
      taints: 'D',
    },
  ],
  'panic-after-oops': [
    {
      kind: 'general-protection',
      grade: 'fatal',
      title:
        'general protection fault, probably for non-canonical address 0xdead000000000110 in run_timer_softirq+0x1c4/0x450',
      lines: 18,
      first: 'general protection fault',
      last: 'RSP: 0018:ffffb1a8c0003ee8',
      taints: 'D',
    },
    {
      kind: 'panic',
      grade: 'fatal',
      title: 'Kernel panic: Fatal exception in interrupt',
      lines: 3,
      first: 'Kernel panic - not syncing: Fatal exception in interrupt',
      last: '---[ end Kernel panic',
      taints: '',
    },
  ],
  'panic-init': [
    {
      kind: 'panic',
      grade: 'fatal',
      title: 'Kernel panic: Attempted to kill init! exitcode=0x00000100',
      lines: 14,
      first: 'Kernel panic - not syncing: Attempted to kill init!',
      last: '---[ end Kernel panic',
      taints: '',
    },
  ],
  'soft-lockup': [
    {
      kind: 'soft-lockup',
      grade: 'error',
      title: 'soft lockup: CPU#1 stuck for 26s! [fault-user:512] in fault_spin+0x1e/0x40 [fault_module]',
      lines: 20,
      first: 'watchdog: BUG: soft lockup',
      last: ' </TASK>',
      taints: 'L',
    },
  ],
  'rcu-stall': [
    {
      kind: 'rcu-stall',
      grade: 'error',
      title: 'RCU stall: rcu_preempt self-detected stall on CPU in fault_spin+0x1e/0x40 [fault_module]',
      lines: 20,
      first: 'rcu: INFO: rcu_preempt self-detected',
      last: 'NMI backtrace for cpu 0 skipped',
      taints: '',
    },
  ],
  'hung-task': [
    {
      kind: 'hung-task',
      grade: 'error',
      title:
        'hung task: dma-tool:611 blocked for more than 120 s in vfio_remove_dma+0x1a1/0x2e0 [vfio_iommu_type1]',
      lines: 11,
      first: 'INFO: task dma-tool:611',
      last: ' </TASK>',
      taints: '',
    },
  ],
  kasan: [
    {
      kind: 'kasan',
      grade: 'error',
      title: 'KASAN: slab-use-after-free in vfio_dma_clear_user+0x2c1/0x420 [vfio_iommu_type1]',
      lines: 34,
      first: '=====',
      last: '=====',
      taints: 'B',
    },
  ],
  kfence: [
    {
      kind: 'kfence',
      grade: 'error',
      title: 'KFENCE: out-of-bounds read in parse_range+0x3d/0x80 [verify_pte]',
      lines: 15,
      first: '=====',
      last: '=====',
      taints: 'B',
    },
  ],
  ubsan: [
    {
      kind: 'ubsan',
      grade: 'error',
      title:
        'UBSAN: shift-out-of-bounds in drivers/vfio/vfio_iommu_type1.c:1207:34 in vfio_dma_bitmap_alloc_all+0xb1/0xd0 [vfio_iommu_type1]',
      lines: 14,
      first: '=====',
      last: '=====',
      taints: '',
    },
  ],
  lockdep: [
    {
      kind: 'lockdep',
      grade: 'error',
      title:
        'lockdep: possible circular locking dependency detected in vfio_dma_clear_user+0x5e/0x160 [vfio_iommu_type1]',
      lines: 55,
      first: '=====',
      last: ' </TASK>',
      taints: '',
    },
  ],
  dmar: [
    {
      kind: 'dmar-fault',
      grade: 'error',
      title:
        'DMAR fault: DMA Write NO_PASID by device 00:04.0 fault addr 0x100000 [fault reason 0x05] PTE Write access is not set',
      lines: 2,
      first: 'DMAR: DRHD: handling fault status reg 2',
      last: 'DMAR: [DMA Write NO_PASID]',
      taints: '',
    },
    {
      kind: 'dmar-fault',
      grade: 'error',
      title:
        'DMAR fault: DMA Read NO_PASID by device 00:04.0 fault addr 0x200000 [fault reason 0x06] PTE Read access is not set',
      lines: 1,
      first: 'DMAR: [DMA Read NO_PASID]',
      last: 'DMAR: [DMA Read NO_PASID]',
      taints: '',
    },
  ],
  'list-corruption': [
    {
      kind: 'list-corruption',
      grade: 'fatal',
      title:
        'list_del corruption. prev->next should be ffff9a1c03aa1c48, but was dead000000000100. (prev=ffff9a1c03aa1c08) in vfio_unlink_dma+0x1c/0x60 [vfio_iommu_type1]',
      lines: 13,
      first: 'list_del corruption',
      last: 'RIP: 0010:__list_del_entry_valid',
      taints: 'D',
    },
  ],
  refcount: [
    {
      kind: 'refcount',
      grade: 'error',
      title: 'refcount underflow; use-after-free. in vfio_group_put+0x4c/0x60 [vfio]',
      lines: 13,
      first: CUT,
      last: END,
      taints: 'W',
    },
  ],
  atomic: [
    {
      kind: 'atomic-sleep',
      grade: 'error',
      title:
        'sleeping function called from invalid context at kernel/locking/rwsem.c:1571 in vfio_dma_clear_user+0x5e/0x160 [vfio_iommu_type1]',
      lines: 12,
      first: 'BUG: sleeping function',
      last: ' </TASK>',
      taints: 'W',
    },
    {
      kind: 'atomic-schedule',
      grade: 'error',
      title: 'scheduling while atomic: dma-tool/420/0x00000002',
      lines: 11,
      first: 'BUG: scheduling while atomic',
      last: ' </TASK>',
      taints: 'W',
    },
  ],
  oom: [
    {
      kind: 'oom',
      grade: 'warning',
      title: 'OOM killer, invoked by dma-tool',
      lines: 15,
      first: 'dma-tool invoked oom-killer',
      last: 'oom_reaper: reaped process 700',
      taints: '',
    },
  ],
};

for (const [name, expected] of Object.entries(cases)) {
  test(`a recorded ${name} is extracted whole, with its kind, grade and place`, () => {
    const reports = reportsOf(recorded(name));
    expect(reports.map(({ kind, grade }) => [kind, grade])).toEqual(
      expected.map(({ kind, grade }) => [kind, grade]),
    );
    reports.forEach((report, index) => {
      const wanted = expected[index];
      const lines = report.text.split('\n');
      expect(report.title.slice(0, wanted?.title.length)).toBe(wanted?.title);
      expect(lines).toHaveLength(wanted?.lines ?? 0);
      expect(lines[0]?.slice(0, wanted?.first.length)).toBe(wanted?.first);
      expect(lines.at(-1)?.slice(0, wanted?.last.length)).toBe(wanted?.last);
      expect(report.taints.join('')).toBe(wanted?.taints);
      expect(report).toMatchObject({ complete: true, truncated: false });
    });
  });
}

test('an ordinary boot, processes that die of a fault, and lines that only speak of bugs are no reports', () => {
  expect(reportsOf(recorded('innocent'))).toEqual([]);
});

const oneLiners: [line: string, kind: ReportKind, grade: Grade, title: string][] = [
  ['NMI watchdog: Watchdog detected hard LOCKUP on cpu 1', 'hard-lockup', 'fatal', 'hard lockup on CPU 1'],
  [
    'BUG: unable to handle page fault for address: ffffb1a8c0700000',
    'page-fault',
    'fatal',
    'page fault in kernel mode at 0xffffb1a8c0700000',
  ],
  [
    'Unable to handle kernel paging request at virtual address ffff000012345678',
    'page-fault',
    'fatal',
    'page fault in kernel mode at 0xffff000012345678',
  ],
  ['divide error: 0000 [#1] PREEMPT SMP NOPTI', 'oops', 'fatal', 'divide error'],
  // As kernels print it that are later than 6.1.
  ['Oops: divide error: 0000 [#1] SMP NOPTI', 'oops', 'fatal', 'divide error'],
  [
    'Oops: general protection fault, probably for non-canonical address 0xdead000000000110: 0000 [#1] SMP NOPTI',
    'general-protection',
    'fatal',
    'general protection fault, probably for non-canonical address 0xdead000000000110',
  ],
  ['watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 1', 'hard-lockup', 'fatal', 'hard lockup on CPU 1'],
  [
    'BUG: Bad page map in process touch  pte:8000000000000867 pmd:0a1b2067',
    'bad-page',
    'error',
    'bad page map in process touch',
  ],
  [
    'touch: Corrupted page table at address 7f1234567000',
    'bad-page',
    'fatal',
    'corrupted page table at 0x7f1234567000',
  ],
  [
    'BUG: Bad rss-counter state mm:00000000f1 type:MM_ANONPAGES val:1',
    'bad-page',
    'error',
    'Bad rss-counter state',
  ],
  ['BUG: workqueue lockup - pool cpus=1 node=0', 'bug', 'error', 'BUG: workqueue lockup'],
  ['WARNING: suspicious RCU usage', 'lockdep', 'error', 'lockdep: suspicious RCU usage'],
  ['rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:', 'rcu-stall', 'error', 'RCU stall'],
  [
    'rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-... }',
    'rcu-stall',
    'error',
    'RCU stall',
  ],
  [
    'DMAR: [INTR-REMAP] Request device [00:04.0] fault index 0x10 [fault reason 0x22] Present field',
    'dmar-fault',
    'error',
    'DMAR fault: INTR-REMAP by device 00:04.0',
  ],
  [
    'kernel tried to execute NX-protected page - exploit attempt? (uid: 0)',
    'page-fault',
    'fatal',
    'kernel tried to execute NX-protected page',
  ],
  [
    'verify_pte: module verification failed: signature and/or required key missing - tainting kernel',
    'taint',
    'warning',
    'taint E: verify_pte',
  ],
];

for (const [line, kind, grade, title] of oneLiners) {
  test(`recognised: ${line.slice(0, 60)}`, () => {
    const [report, ...more] = detectReports([{ text: line, time: 1, facility: 0 }]);
    expect(report).toMatchObject({ kind, grade });
    expect(report?.title.startsWith(title)).toBe(true);
    expect(more).toEqual([]);
  });
}

test('a fault status without a record, and a cut line without its report, are still reported', () => {
  const [dmar] = detectReports([{ text: 'DMAR: DRHD: handling fault status reg 2' }]);
  expect(dmar).toMatchObject({ kind: 'dmar-fault', title: 'DMAR fault status 0x2 without a fault record' });
  const [cut] = detectReports([{ text: '------------[ cut here ]------------' }]);
  expect(cut).toMatchObject({ kind: 'warning', grade: 'error', complete: false });
});

test('since Linux 6.8 UBSAN frames its reports like WARN', () => {
  const lines = [
    '------------[ cut here ]------------',
    'UBSAN: array-index-out-of-bounds in drivers/vfio/a.c:12:3',
    "index 9 is out of range for type 'int [8]'",
    'CPU: 0 UID: 0 PID: 9 Comm: a Not tainted 6.13.0-rc7 #1',
    '---[ end trace ]---',
  ];
  const [report, ...more] = detectReports([...lines, 'eth0: up'].map((text) => ({ text })));
  expect(report).toMatchObject({ kind: 'ubsan', complete: true, text: lines.join('\n') });
  expect(report?.title).toBe('UBSAN: array-index-out-of-bounds in drivers/vfio/a.c:12:3');
  expect(more).toEqual([]);
});

test('a line of equals signs alone is decoration', () => {
  expect(
    detectReports([{ text: '='.repeat(66) }, { text: 'fancy driver' }, { text: '='.repeat(66) }]),
  ).toEqual([]);
});

test('what user space writes to the log is no report', () => {
  const text = 'BUG: kernel NULL pointer dereference, address: 0000000000000000';
  expect(detectReports([{ text, facility: 1 }])).toEqual([]);
  expect(detectReports([{ text, facility: 0 }])).toHaveLength(1);
});

test('a kernel that prints no time stamps is read all the same', () => {
  const log = [
    'sysrq: Trigger a crash',
    'Kernel panic - not syncing: sysrq triggered crash',
    'CPU: 0 PID: 9',
  ];
  expect(reportsOf(log.join('\n'))).toMatchObject([
    { kind: 'panic', grade: 'fatal', title: 'Kernel panic: sysrq triggered crash', time: undefined },
  ]);
});

test('titles and texts are safe to show', () => {
  const [report] = detectReports([{ text: 'BUG: evil \u001b]0;x\u0007\u202e name' }]);
  expect(report?.title).toBe('BUG: evil \\x1b]0;x\\x07\\u202e name');
  expect(report?.text).toBe('BUG: evil \\x1b]0;x\\x07\\u202e name');
});
