import { expect, test } from '../../fixtures/index.js';
import { insertOwnModule } from '../../lib/guest/module/index.js';
import { hasLoss, lossAmong, parseKernelLog } from '../../lib/guest/kernel-log/index.js';
import { KernelLogFollower } from '../../lib/guest/kernel-log-follower.js';
import { detectReports, type ReportKind } from '../../lib/guest/reports/index.js';
import { forConsole, waitUntilReady } from '../../lib/machine/wait/index.js';
import { bit } from '../../lib/paging/index.js';
import { pokePte } from '../support/protections.js';
import { type Provocation, provoke } from './provoke.js';

/** TAINT_WARN (include/linux/panic.h, 6.1). */
const taintW = 1n << 9n;

test.use({ needs: ['@own-modules'] });

// Each report is made for real. A test passes only if the verdict finds it: an expected report that is missed fails the test, and so
// does any report beside it.
const reports: readonly { provocation: Provocation; kind: ReportKind; title: RegExp; text: RegExp }[] = [
  { provocation: 'oops', kind: 'page-fault', title: /NULL pointer/, text: /RIP: .*\n(.*\n)*.*end trace/ },
  { provocation: 'gpf', kind: 'general-protection', title: /general protection/, text: /Call Trace/ },
  { provocation: 'bug', kind: 'bug', title: /kernel BUG at .*kernel_reports/, text: /Call Trace/ },
  { provocation: 'warning', kind: 'warning', title: /WARNING/, text: /Call Trace:\n(.*\n)*.*end trace/ },
  { provocation: 'trace', kind: 'trace', title: /not as it should be/, text: /reports_write/ },
  { provocation: 'msr', kind: 'msr', title: /WRMSR to 0x6e1 .*in make_msr/, text: /Call Trace/ },
  { provocation: 'taint', kind: 'taint', title: /new taint U/, text: /tainted was/ },
];

for (const { provocation, kind, title, text } of reports) {
  test.describe(provocation, () => {
    test.use({ kernelReports: { expect: [{ kind, title, text, count: 1 }], allow: [{ kind: 'taint' }] } });

    test(`${provocation}: the kernel's report is found, whole`, async ({ guest }) => {
      await provoke(guest, provocation);
    });
  });
}

// One after the other in one machine: each is told from the others, whatever it tainted and whatever registers it left for the next.
const inTurn: readonly { provocation: Provocation; kind: ReportKind; title: RegExp }[] = [
  { provocation: 'vmalloc', kind: 'oom', title: /vmalloc error: size 70368744177664 in make_vmalloc/ },
  { provocation: 'atomic', kind: 'atomic-schedule', title: /in make_atomic_schedule/ },
  { provocation: 'refcount', kind: 'refcount', title: /addition on 0; use-after-free\. in make_refcount/ },
  { provocation: 'segment', kind: 'general-protection', title: /^segment-related .* in make_segment_fault/ },
  { provocation: 'divide', kind: 'oops', title: /^divide error in make_divide_error/ },
  { provocation: 'badaddress', kind: 'page-fault', title: /^page fault .* at 0x\w+ in make_bad_address/ },
  { provocation: 'execute', kind: 'page-fault', title: /execute NX-protected page: page fault for address/ },
  { provocation: 'list', kind: 'list-corruption', title: /^list_del corruption.* in make_list_corruption/ },
  { provocation: 'usercopy', kind: 'bug', title: /exposure attempt detected .* in make_usercopy/ },
];

test.describe('all in turn', () => {
  test.use({
    kernelReports: {
      expect: inTurn.map(({ kind, title }) => ({ kind, title, count: 1 })),
      allow: [{ kind: 'taint' }],
    },
  });

  test('what leaves the guest alive is found, whatever came before', async ({ guest }) => {
    for (const { provocation } of inTurn) await provoke(guest, provocation);
  });
});

test.describe('soft lockup', () => {
  test.use({
    kernelReports: { expect: [{ kind: 'soft-lockup', text: /RIP: / }], allow: [{ kind: 'taint' }] },
  });

  test('softlockup: a vCPU that makes no progress is reported', async ({ guest }) => {
    await guest.succeed(['sh', '-c', 'echo 1 > /proc/sys/kernel/watchdog_thresh']);
    await provoke(guest, 'softlockup 5');
  });
});

test.describe('hung task', () => {
  test.use({
    kernelReports: {
      expect: [{ kind: 'hung-task', title: /in reports_write/ }],
      allow: [{ kind: 'taint' }],
    },
  });

  test('hungtask: a task that sleeps on is named by what it does', async ({ guest }) => {
    await guest.succeed(['sh', '-c', 'echo 2 > /proc/sys/kernel/hung_task_timeout_secs']);
    await provoke(guest, 'hungtask 7');
  });
});

test.describe('RCU stall', () => {
  test.use({ kernelReports: { expect: [{ kind: 'rcu-stall' }], allow: [{ kind: 'taint' }] } });

  test('rcustall: a reader that does not end is reported', async ({ guest }) => {
    await guest.succeed(['sh', '-c', 'echo 3 > /sys/module/rcupdate/parameters/rcu_cpu_stall_timeout']);
    await provoke(guest, 'rcustall 6');
  });
});

test.describe('a table entry that cannot be', () => {
  test.use({
    kernelReports: {
      expect: [
        { kind: 'bad-page', title: /pgtable-generic\.c:\d+: bad pmd/, count: 1 },
        { kind: 'bad-page', title: /Bad rss-counter state/ },
      ],
      allow: [{ kind: 'taint' }, { kind: 'bad-page', title: /non-zero pgtables_bytes/ }],
    },
  });

  test('badpmd: what the kernel clears, and the counters that it spoils, are reported', async ({ guest }) => {
    await provoke(guest, 'badpmd');
  });
});

test.describe('an object that was written beyond its end', () => {
  test.use({
    machineOptions: { kernelArguments: 'slub_debug=FZ,kmalloc-96' },
    kernelReports: {
      expect: [
        { kind: 'heap-corruption', title: /BUG kmalloc-96.*Redzone overwritten in reports_write/, count: 1 },
      ],
      allow: [{ kind: 'taint' }],
    },
  });

  test('redzone: the allocator finds it, and the title names who freed it', async ({ guest }) => {
    await provoke(guest, 'redzone');
  });
});

test.describe('pages that are not as the allocator left them', () => {
  test.use({
    machineOptions: { kernelArguments: 'page_poison=1', memory: '512m' },
    kernelReports: {
      expect: [
        { kind: 'bad-page', title: /bad page state in process sh/, text: /nonzero mapcount/, count: 1 },
        { kind: 'heap-corruption', title: /pagealloc: memory corruption in make_poison/, count: 1 },
      ],
      allow: [{ kind: 'taint' }],
    },
  });

  test('badpage, poison: what it finds when it frees and when it allocates is reported', async ({
    guest,
  }) => {
    await provoke(guest, 'badpage');
    await provoke(guest, 'poison');
  });
});

test.describe('an entry that was a page and looks like a swap entry', () => {
  test.use({
    kernelReports: {
      expect: [
        { kind: 'bad-page', title: /Bad swap file entry/, count: 1 },
        { kind: 'bad-page', title: /bad page map in process vfio-map/, count: 1 },
      ],
      allow: [{ kind: 'taint' }, { kind: 'bad-page', title: /Bad rss-counter state/ }],
    },
  });

  test('what the kernel finds when the process ends is reported', async ({ vfio, guest }) => {
    await insertOwnModule(guest, 'poke_pte');
    const process = await vfio.process();
    const { address } = await process.alloc({ pages: 1 });
    const child = await process.request('fork');
    const [handle, pid] = [child.number('child'), child.number('pid')];
    await process.request('touch', { address, access: 'write', value: 1n, child: handle });
    await pokePte(guest, { pid, address, change: 'clear', mask: bit(0) });
    await process.kill();
    await guest.succeed(['sh', '-c', 'until dmesg | grep -q "Bad page map"; do sleep 0.1; done']);
  });
});

test.describe('no memory', () => {
  test.use({ kernelReports: { expect: [{ kind: 'oom', title: /OOM killer, invoked by tail/, count: 1 }] } });

  test('a process that takes more than its group may have is killed, and that is reported', async ({
    guest,
  }) => {
    const script = `mkdir /run/groups; mount -t cgroup2 none /run/groups; cd /run/groups; echo +memory > cgroup.subtree_control; mkdir small
echo 16M > small/memory.max; echo $$ > small/cgroup.procs; exec tail /dev/zero`;
    expect((await guest.run(['sh', '-ec', script])).exitCode).toBe(137);
  });
});

test.describe('an interrupt that nobody wants', () => {
  test.use({ kernelReports: { expect: [{ kind: 'interrupt', title: /NMI received/ }] } });

  test('an NMI from outside is reported', async ({ guest, machine }) => {
    await machine.monitor.command('nmi');
    await guest.succeed(['sh', '-c', 'until dmesg | grep -q "NMI received"; do sleep 0.1; done']);
  });
});

test('a healthy boot has nothing to report but the taints of the modules', async ({ guest }) => {
  const log = await guest.succeed(['dmesg', '-r']);
  const reports = detectReports(parseKernelLog(log, { format: 'dmesg' }));
  // On a busy host a guest loses ticks while it boots, which its kernel says, and which accuses nobody.
  expect(reports.filter(({ kind, grade }) => kind !== 'taint' && grade !== 'info')).toEqual([]);
});

test('what is asked for by sysrq is no report', async ({ guest }) => {
  for (const key of ['l', 'p', 't', 'w', 'm'])
    await guest.succeed(['sh', '-c', 'echo "$1" > /proc/sysrq-trigger', 'sh', key]);
});

test.describe("a guest without the project's reader of the log", () => {
  test.use({
    kernelReports: { expect: [{ kind: 'warning', text: /end trace/, count: 1 }], allow: [{ kind: 'taint' }] },
  });

  test('warning: it is found in what cat prints, and the taint is known', async ({ guest }) => {
    await guest.succeed(['rm', '/usr/local/bin/kmsg-follow']);
    const log = await KernelLogFollower.start(guest, 'without the reader');
    await provoke(guest, 'warning');
    const { entries, taint } = await log.window();
    expect(detectReports(entries).map(({ kind }) => kind)).toContain('warning');
    expect(log.began.taint & taintW).toBe(0n);
    expect(taint & taintW).toBe(taintW);
    await log.stop();
    // Neither of the two processes is left.
    await expect
      .poll(async () => (await guest.succeed(['ps', '-o', 'args'])).match(/cat \/dev\/kmsg$/gm))
      .toBeNull();
  });
});

test.describe('a reader of the log that the test ends', () => {
  test.use({
    kernelReports: { expect: [{ kind: 'warning', text: /end trace/, count: 1 }], allow: [{ kind: 'taint' }] },
  });

  test('warning: it is found, by one that is begun anew and knows where the test began', async ({
    guest,
    kernelLog,
  }) => {
    await guest.succeed(['killall', '-KILL', 'kmsg-follow']);
    await provoke(guest, 'warning');
    const entries = await kernelLog.entries();
    expect(detectReports(entries).map(({ kind }) => kind)).toContain('warning');
    expect(hasLoss(lossAmong(entries))).toBe(false);
    expect(entries.length, 'the boot is not among them').toBeLessThan(100);
  });
});

test('lines about cleared pages are left out until somebody asks for them; their numbers are not', async ({
  guest,
  vfio,
}) => {
  const log = await KernelLogFollower.start(guest, 'brief');
  await vfio.mapDma({ pages: 4 });
  const brief = await log.entries();
  expect(brief.filter(({ text }) => text === '')).toHaveLength(8);
  expect(hasLoss(lossAmong(brief))).toBe(false);
  const whole = await log.fromNow('whole');
  await vfio.mapDma({ pages: 4 });
  const told = (await whole.entries()).filter(({ text }) => text.includes('_PAGE_USER at vaddr'));
  expect(told).toHaveLength(8);
  await log.stop();
});

test.describe('a log that forgot where the test began', () => {
  test.use({
    machineOptions: { kernelArguments: 'log_buf_len=256K' },
    kernelReports: { expect: [{ kind: 'warning', text: /end trace/, count: 1 }], allow: [{ kind: 'taint' }] },
  });

  test('warning: it is found behind what was overwritten', async ({ guest, vfio }) => {
    await vfio.mapDma({ pages: 4096 });
    await provoke(guest, 'warning');
  });
});

for (const [provocation, kind, title] of [
  ['panic', 'panic', /requested by/],
  ['stack', 'oops', /kernel stack overflow \(TASK stack guard page hit\) in recurse/],
] as const) {
  test.describe(provocation, () => {
    test.use({
      kernelReports: {
        expect: [{ kind, title, text: /Call Trace/, count: 1 }],
        allow: [{ kind: 'taint' }, { kind: 'panic', title: /Fatal exception/ }],
      },
    });

    test(`${provocation}: the console tells what the guest cannot`, async ({ guest, machine }) => {
      // It never answers.
      const provoked = provoke(guest, provocation).catch(() => undefined);
      const { title, console } = machine;
      await waitUntilReady(forConsole(/end Kernel panic/), { title, console, panic: false });
      await guest.close();
      await provoked;
    });
  });
}
