import { expect, test } from '../../fixtures/index.js';
import { parseKernelLog } from '../../lib/guest/kernel-log/index.js';
import { detectReports, type ReportKind } from '../../lib/guest/reports/index.js';
import { forConsole, waitUntilReady } from '../../lib/machine/wait/index.js';
import { type Provocation, provoke } from './provoke.js';

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

test.describe('an interrupt that nobody wants', () => {
  test.use({ kernelReports: { expect: [{ kind: 'interrupt', title: /NMI received/ }] } });

  test('an NMI from outside is reported', async ({ guest, machine }) => {
    await machine.monitor.command('nmi');
    await guest.succeed(['sh', '-c', 'until dmesg | grep -q "NMI received"; do sleep 0.1; done']);
  });
});

test.describe('a machine check', () => {
  test.use({
    kernelReports: {
      expect: [
        { kind: 'machine-check', title: /CPU 0: Machine Check Exception: 5 Bank 4: b200000000000000/ },
        { kind: 'panic', title: /Fatal local machine check/ },
      ],
      allow: [{ kind: 'taint' }, { kind: 'machine-check' }],
    },
  });

  test('mce: what the CPU could not correct is reported, and the panic after it', async ({
    guest,
    machine,
  }) => {
    await machine.monitor.command('mce 0 4 0xb200000000000000 0x5 0x0 0x0');
    const { title, console } = machine;
    await waitUntilReady(forConsole(/end Kernel panic/), { title, console, panic: false });
    await guest.close();
  });
});

test('a healthy boot has nothing to report but the taints of the modules', async ({ guest }) => {
  const log = await guest.succeed(['dmesg', '-r']);
  const reports = detectReports(parseKernelLog(log, { format: 'dmesg' }));
  expect(reports.filter(({ kind }) => kind !== 'taint')).toEqual([]);
});

test('what is asked for by sysrq is no report', async ({ guest }) => {
  for (const key of ['l', 'p', 't', 'w', 'm'])
    await guest.succeed(['sh', '-c', 'echo "$1" > /proc/sysrq-trigger', 'sh', key]);
});

test.describe("a guest without the project's reader of the log", () => {
  test.use({
    kernelReports: { expect: [{ kind: 'warning', text: /end trace/, count: 1 }], allow: [{ kind: 'taint' }] },
  });

  test('warning: it is found in what dmesg prints', async ({ guest }) => {
    await guest.succeed(['rm', '/usr/local/bin/kmsg-follow']);
    await provoke(guest, 'warning');
  });
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

test.describe('panic', () => {
  test.use({
    kernelReports: { expect: [{ kind: 'panic', text: /Call Trace/ }], allow: [{ kind: 'taint' }] },
  });

  test('panic: the console tells what the guest cannot', async ({ guest, machine }) => {
    // It never answers.
    const provoked = provoke(guest, 'panic').catch(() => undefined);
    const { title, console } = machine;
    await waitUntilReady(forConsole(/end Kernel panic/), { title, console, panic: false });
    await guest.close();
    await provoked;
  });
});
