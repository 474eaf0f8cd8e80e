import { test } from '../../fixtures/index.js';
import type { ReportKind } from '../../lib/guest/reports/index.js';
import { forConsole, waitUntilReady } from '../../lib/machine/wait/index.js';
import { type Provocation, provoke } from './provoke.js';

// Each report is made for real. A test passes only if the verdict finds it: an expected report that is missed fails the test, and so
// does any report beside it.
const reports: readonly { provocation: Provocation; kind: ReportKind; title: RegExp; text: RegExp }[] = [
  { provocation: 'oops', kind: 'page-fault', title: /NULL pointer/, text: /RIP: .*\n(.*\n)*.*end trace/ },
  { provocation: 'gpf', kind: 'general-protection', title: /general protection/, text: /Call Trace/ },
  { provocation: 'bug', kind: 'bug', title: /kernel BUG at .*kernel_reports/, text: /Call Trace/ },
  { provocation: 'warning', kind: 'warning', title: /WARNING/, text: /Call Trace:\n(.*\n)*.*end trace/ },
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
