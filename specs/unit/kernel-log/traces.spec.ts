import { expect, test } from '@playwright/test';
import { parseKernelLog } from '../../../lib/guest/kernel-log/index.js';
import type { KernelLogEntry } from '../../../lib/guest/kernel-log/index.js';
import { detectReports } from '../../../lib/guest/reports/index.js';
import type { KernelReport } from '../../../lib/guest/reports/index.js';

/** A console's lines, a millisecond apart; one that begins with a bracket has a stamp of its own. */
function reportsOf(...lines: string[]): KernelReport[] {
  const stamped = lines.map((line, index) =>
    line.startsWith('[') ? line : `[   61.${String(index).padStart(3, '0')}000] ${line}`,
  );
  return detectReports(parseKernelLog(`${stamped.join('\n')}\n`, { format: 'dmesg' }));
}

function titles(reports: readonly KernelReport[]): [string, string][] {
  return reports.map(({ kind, title }) => [kind, title]);
}

const header = [
  'CPU: 1 PID: 77 Comm: walker Not tainted 6.1.0 #1',
  'Hardware name: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16 04/01/2014',
];
const trace = (...frames: string[]): string[] => [
  'Call Trace:',
  ' <TASK>',
  ...frames.map((frame) => ` ${frame}`),
  ' </TASK>',
];
const walk = trace('dump_stack_lvl+0x45/0x5a', 'widget_walk+0x41/0x90 [widget]', 'do_syscall_64+0x37/0x90');

test('a call trace that belongs to no report is one, with the complaint before it', () => {
  const [report, ...more] = reportsOf('eth0: up', 'widget: leaf 7 is not where it was', ...header, ...walk);
  expect(report).toMatchObject({
    kind: 'trace',
    grade: 'error',
    complete: true,
    title:
      'call trace without a report in widget_walk+0x41/0x90 [widget]: widget: leaf 7 is not where it was',
  });
  expect(report?.text.split('\n')).toEqual(['widget: leaf 7 is not where it was', ...header, ...walk]);
  expect(more).toEqual([]);
});

test('so is one of a kernel that marks no stacks, and each of two is a report', () => {
  const old = ['Call Trace:', ' dump_stack+0x66/0x8b', ' widget_walk+0x41/0x90 [widget]'];
  const other = ['Call Trace:', ' widget_reap+0x12/0x20 [widget]'];
  const found = reportsOf('widget: one', header[0] ?? '', ...old, 'eth0: up', ...other, 'eth0: down');
  expect(found.map(({ where }) => where)).toEqual([
    'widget_walk+0x41/0x90 [widget]',
    'widget_reap+0x12/0x20 [widget]',
  ]);
});

const asked: Record<string, string[]> = {
  'registers (sysrq p)': ['sysrq: Show Regs', ...header, 'RIP: 0010:idle+0x1/0x2', ...walk],
  'backtraces of all CPUs (sysrq l)': [
    'sysrq: Show backtrace of all active CPUs',
    'NMI backtrace for cpu 1',
    ...header,
    ...walk,
    'Sending NMI from CPU 1 to CPUs 0:',
    'NMI backtrace for cpu 0',
    ...header,
    'RIP: 0010:idle+0x1/0x2',
    ...trace('idle+0x1/0x2'),
  ],
  'all tasks (sysrq t)': [
    'sysrq: SysRq : Show State',
    '  task                        PC stack   pid father',
    ...['walker', 'reaper', 'sower'].flatMap((task) => [
      `task:${task}          state:D stack:0     pid:77 ppid:1      flags:0x00000002`,
      ...trace('__schedule+0x1/0x2', 'schedule+0x1/0x2', 'widget_wait+0x3/0x4 [widget]'),
    ]),
  ],
  'a self-test of backtraces': [
    '====[ backtrace testing ]===========',
    'Testing a backtrace from process context.',
    'The following trace is a kernel self test and not a bug!',
    ...header,
    ...walk,
  ],
  'an injected fault': [
    'FAULT_INJECTION: forcing a failure.',
    'name failslab, interval 1, probability 0, space 0, times 0',
    ...header,
    ...walk,
  ],
  'a process that dies of a fault': [
    'potentially unexpected fatal signal 11.',
    ...header,
    'RIP: 0033:0x401136',
    'Code: 00 00 f3 90',
    'RSP: 002b:00007ffc00000000 EFLAGS: 00000293',
  ],
};

for (const [what, lines] of Object.entries(asked)) {
  test(`silent: ${what}`, () => {
    expect(reportsOf(...lines)).toEqual([]);
    // What comes later is no part of it.
    expect(reportsOf(...lines, '[   99.000000] widget: gone', ...walk).map(({ kind }) => kind)).toEqual([
      'trace',
    ]);
  });
}

test('what was asked for hides no report that begins in it', () => {
  const warn = ['WARNING: CPU: 1 PID: 77 at mm/rmap.c:12 f+0x1/0x2', ...header, '---[ end trace 0 ]---'];
  expect(reportsOf('sysrq: Show Regs', ...warn).map(({ kind }) => kind)).toEqual(['warning']);
});

const waits: Record<string, string[]> = {
  'a mutex': ['schedule_preempt_disabled+0x11/0x20', '__mutex_lock.constprop.0+0x3af/0x720'],
  'a semaphore': ['rwsem_down_write_slowpath+0x2ab/0x5f0', 'down_write+0x5d/0x60'],
  'a completion': ['schedule_timeout+0x11d/0x160', 'wait_for_completion+0x8a/0x160'],
  'a page': ['io_schedule+0x42/0x70', 'folio_wait_bit_common+0x13d/0x350'],
  'a grace period': ['__wait_rcu_gp+0x11b/0x130', 'synchronize_rcu+0x95/0xa0'],
};

for (const [what, frames] of Object.entries(waits)) {
  test(`a task that hangs on ${what} is named by who waits`, () => {
    const [report] = reportsOf(
      'INFO: task walker:77 blocked for more than 120 seconds.',
      ...trace('__schedule+0x34d/0x9e0', 'schedule+0x5a/0xd0', ...frames, 'widget_walk+0x41/0x90 [widget]'),
    );
    expect(report?.title).toBe(
      'hung task: walker:77 blocked for more than 120 s in widget_walk+0x41/0x90 [widget]',
    );
  });
}

test('the task that holds the lock belongs to the report of the one that waits', () => {
  const found = reportsOf(
    'INFO: task walker:77 blocked for more than 120 seconds.',
    ...trace('__mutex_lock+0x3af/0x720', 'widget_walk+0x41/0x90 [widget]'),
    'INFO: task walker:77 is blocked on a mutex likely owned by task reaper:78.',
    'task:reaper          state:S stack:0     pid:78    ppid:2      flags:0x00004000',
    ...trace('__schedule+0x34d/0x9e0', 'widget_reap+0x12/0x20 [widget]'),
  );
  expect(titles(found)).toEqual([
    [
      'hung-task',
      'hung task: walker:77 blocked for more than 120 s in widget_walk+0x41/0x90 [widget]: blocked on a mutex likely owned by task reaper:78.',
    ],
  ]);
  expect(found[0]?.text).toContain('widget_reap');
});

test('lockdep and a lock that spins are named by their caller', () => {
  const key = reportsOf(
    'INFO: trying to register non-static key.',
    ...header,
    ...trace(
      'dump_stack_lvl+0x56/0x73',
      'register_lock_class+0x48b/0x490',
      '__lock_acquire+0x5c/0x1f50',
      'lock_acquire+0xce/0x2d0',
      '_raw_spin_lock_irqsave+0x38/0x50',
      'widget_sow+0x7/0x8 [widget]',
    ),
  );
  expect(key[0]?.where).toBe('widget_sow+0x7/0x8 [widget]');
  const spin = reportsOf(
    'watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [walker:77]',
    header[0] ?? '',
    'RIP: 0010:native_queued_spin_lock_slowpath+0x66/0x1e0',
    ...trace('_raw_spin_lock+0x29/0x30', 'widget_sow+0x7/0x8 [widget]'),
  );
  expect(spin[0]?.where).toBe('widget_sow+0x7/0x8 [widget]');
});

const cut = '------------[ cut here ]------------';
const end = '---[ end trace 0000000000000000 ]---';

test('WARN as Linux 6.17 and later print it: file, line, condition, remark and taint', () => {
  const warn = (line: string, ...said: string[]) =>
    reportsOf(cut, line, ...said, 'Modules linked in: widget', ...header, ...walk, end);
  const where = 'drivers/widget/walk.c:41 at widget_walk+0x41/0x90 [widget], CPU#1: walker/77';
  const [bare, ...more] = warn(`WARNING: ${where}`);
  expect(bare).toMatchObject({
    kind: 'warning',
    complete: true,
    taints: ['W'],
    title: 'WARNING at drivers/widget/walk.c:41 in widget_walk+0x41/0x90 [widget]',
  });
  expect(more).toEqual([]);
  expect(warn(`WARNING: [a[1] > 3 && !(b)] ${where}`)[0]?.title).toBe(
    'WARNING at drivers/widget/walk.c:41 (a[1] > 3 && !(b)) in widget_walk+0x41/0x90 [widget]',
  );
  // The message comes before or after the line, as the architecture has it.
  expect(warn(`WARNING: ${where}`, 'leaf 7 is gone')[0]?.title).toMatch(/: leaf 7 is gone$/);
  expect(warn('WARNING: at widget_walk+0x41/0x90, CPU#0: walker/77')[0]?.title).toBe(
    'WARNING in widget_walk+0x41/0x90',
  );
  expect(warn(`WARNING: ${where}`, 'refcount_t: underflow; use-after-free.')[0]?.kind).toBe('refcount');
});

test("another CPU's line is not taken for what WARN says", () => {
  const warning = 'WARNING: CPU: 1 PID: 77 at mm/rmap.c:12 widget_walk+0x41/0x90 [widget]';
  const title = 'WARNING at mm/rmap.c:12 in widget_walk+0x41/0x90 [widget]';
  const others = [
    'eth0: link is up',
    'usb 1-1: new device',
    'systemd[1]: Started.',
    'EXT4-fs (vda1): mounted',
  ];
  for (const other of others) {
    expect(reportsOf(cut, other, warning, ...walk, end)[0]?.title).toBe(title);
    expect(reportsOf(cut, warning, other, ...walk, end)[0]?.title).toBe(title);
    expect(reportsOf(cut, other, 'leaf 7 is gone', warning, end)[0]?.title).toBe(`${title}: leaf 7 is gone`);
  }
  // Where the log says who speaks, or how loud, that decides.
  const said = (fields: Partial<KernelLogEntry>) =>
    detectReports([
      { text: cut, time: 1, level: 4, caller: 'T77' },
      { text: 'widget: leaf 7 is gone', time: 1, ...fields },
      { text: warning, time: 1, level: 4, caller: 'T77' },
    ])[0]?.title;
  expect(said({ caller: 'T77', level: 4 })).toBe(`${title}: widget: leaf 7 is gone`);
  expect(said({ caller: 'T12', level: 4 })).toBe(title);
  expect(said({ level: 4 })).toBe(`${title}: widget: leaf 7 is gone`);
  expect(said({ level: 6 })).toBe(title);
});

test('the titles of the sanitizers have access and size', () => {
  const kasan = (second: string) =>
    reportsOf('BUG: KASAN: slab-use-after-free in widget_walk+0x41/0x90 [widget]', second)[0]?.title;
  expect(kasan('Write of size 8 at addr ffff888003401c40 by task walker/77')).toBe(
    'KASAN: slab-use-after-free in widget_walk+0x41/0x90 [widget]: Write of size 8 at addr ffff888003401c40',
  );
  expect(kasan('eth0: up')).toBe('KASAN: slab-use-after-free in widget_walk+0x41/0x90 [widget]');
  expect(
    titles(reportsOf('BUG: KASAN: double-free in widget_walk+0x4/0x9 drivers/widget/walk.c:41 [inline]')),
  ).toEqual([['kasan', 'KASAN: double-free in widget_walk+0x4/0x9']]);
  expect(titles(reportsOf('BUG: KCSAN: assert: race in widget_walk+0x4/0x9'))).toEqual([
    ['kcsan', 'KCSAN: assert: race in widget_walk+0x4/0x9'],
  ]);
});

test('a line that begins with a blank is read', () => {
  expect(titles(reportsOf(' BUG: Bad rss-counter state mm:0 type:X val:1'))).toEqual([
    ['bad-page', 'Bad rss-counter state mm:0 type:X val:1'],
  ]);
  expect(titles(reportsOf('eth0: up', '[   62.000000]   Kernel panic - not syncing: out of ideas'))).toEqual([
    ['panic', 'Kernel panic: out of ideas'],
  ]);
});

test('among lines with a time stamp, one without is read, unless its words are common', () => {
  const log = (line: string) =>
    detectReports(parseKernelLog(`[   61.000000] eth0: up\n${line}\n`, { format: 'dmesg' }));
  for (const line of [
    'Kernel panic - not syncing: out of ideas',
    'BUG: kernel NULL pointer dereference, address: 0000000000000040',
    'PANIC: early exception 0x0d IP 10:ffffffff8260ab3c error 0 cr2 0xffff888003401000',
    'mm/pgtable-generic.c:39: bad pud 00000000c41d7a55(8000000dead04827)',
    'WARNING: CPU: 1 PID: 77 at mm/rmap.c:12 f+0x1/0x2',
  ])
    expect(log(line)).toHaveLength(1);
  for (const line of [
    'BUG: my program has one',
    'WARNING: disk almost full',
    'walker invoked oom-killer: no',
  ])
    expect(log(line)).toEqual([]);
});

test('several lines of one event are one report', () => {
  const invalidation = [
    'DMAR: DRHD: handling fault status reg 40',
    'DMAR: VT-d detected Invalidation Time-out Error: SID 0',
    'DMAR: QI HEAD: IOTLB Invalidation qw0 = 0x200f2, qw1 = 0x4000',
    'DMAR: QI PRIOR: Invalidation Wait qw0 = 0x200000025, qw1 = 0x1003a08',
    'DMAR: Invalidation Time-out Error (ITE) cleared',
  ];
  expect(titles(reportsOf(...invalidation, 'eth0: up'))).toEqual([
    ['dmar-fault', 'Invalidation Time-out Error: SID 0: IOTLB Invalidation'],
  ]);
  const tdx = [
    'virt/tdx: SEAMCALL (0x0000000000000023) failed: 0x8000040000000000',
    'virt/tdx: RCX 0x0000000000000000 RDX 0x0000000000000000 R08 0x0000000000000000',
    'virt/tdx: module initialization failed (-28)',
    'kvm_intel: Failed to initialize TDX module.',
  ];
  expect(titles(reportsOf(...tdx))).toEqual([
    ['tdx', 'SEAMCALL (0x0000000000000023) failed: 0x8000040000000000'],
  ]);
  const memory = [
    'Memory failure: 0xdead0: Sending SIGBUS to walker:77 due to hardware memory corruption',
    'Memory failure: 0xdead0: recovery action for dirty LRU page: Recovered',
  ];
  expect(reportsOf(...memory)).toHaveLength(1);
  const vmcs = [
    'kvm_intel: VMCS 00000000c0ffee01, last attempted VM-entry on CPU 1',
    'kvm_intel: *** Guest State ***',
    'kvm_intel: CR0: actual=0x0000000080050033, shadow=0x0000000080050033, gh_mask=fffffffffffefff7',
    'kvm_intel: RSP = 0x0000000000000000  RIP = 0x000000000000fff0',
    'kvm_intel: CS:   sel=0xf000, attr=0x0009b, limit=0x0000ffff, base=0x00000000ffff0000',
    'kvm_intel: *** Host State ***',
    'kvm_intel: EPT pointer = 0x0000000003a0805e',
  ];
  const [dump, ...more] = reportsOf(...vmcs, 'eth0: up');
  expect(dump?.text.split('\n')).toEqual(vmcs);
  expect(more).toEqual([]);
});
