import { expect, test } from '../../../fixtures/index.js';
import { forConsole, waitUntilReady } from '../../../lib/machine/wait/index.js';
import { provoke } from '../../vfio/provoke.js';

test('all assertions hold, but the kernel warned', async ({ guest }) => {
  await provoke(guest, 'warning');
});

test('an assertion fails after an oops', async ({ guest }) => {
  await provoke(guest, 'oops');
  expect(await guest.succeed(['echo', 'no'])).toBe('yes');
});

test('the kernel panics under a command', async ({ guest }) => {
  await provoke(guest, 'panic');
});

test('the kernel is tainted', async ({ guest }) => {
  await provoke(guest, 'taint');
});

test('an assertion fails and the kernel is well', async ({ guest }) => {
  expect(await guest.succeed(['echo', 'no'])).toBe('yes');
});

test.describe('with an expectation', () => {
  test.use({ kernelReports: { expect: [{ kind: 'soft-lockup' }] } });

  test('the expected report does not appear', async ({ guest }) => {
    await guest.succeed(['true']);
  });
});

test.describe('without time stamps', () => {
  test.use({ machineOptions: { kernelArguments: 'printk.time=0' } });

  test('the kernel panics after the last command', async ({ guest, machine }) => {
    const later = '(sleep 1; echo c > /proc/sysrq-trigger) > /dev/null 2>&1 < /dev/null &';
    await guest.succeed(['sh', '-c', later]);
    const { title, console } = machine;
    await waitUntilReady(forConsole(/end Kernel panic/), { title, console, panic: false });
  });
});
