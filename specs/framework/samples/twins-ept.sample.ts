import { test } from '../../../fixtures/ept.js';
import { expect } from '../../../fixtures/index.js';
import { ept } from '../../../fixtures/stacks/index.js';
import { walkNested, x86Space } from '../../../lib/paging/index.js';
import { halt } from '../../nested/support/code.js';
import { longModeGuest } from '../../nested/support/guest.js';

test.use({ launchStack: ept });
// Bochs interprets.
test.describe.configure({ timeout: 240_000 });

test('Bochs: an assertion about page tables is false', async ({ l2 }) => {
  const guest = await longModeGuest(l2, []);
  await guest.load(halt);
  expect(await l2.run()).toEqual([{ exit: 'mmio' }]);
});

test('Bochs: the kernel oopses, and an assertion after it is false', async ({ guest }) => {
  await guest.succeed(['insmod', '/lib/modules/kernel_reports.ko']);
  await guest.shell('echo oops > /proc/kernel_reports');
  expect(await guest.succeed(['echo', 'no'])).toBe('yes');
});

test('Bochs: a walk of both dimensions leads to a page', async ({ l2, ept: tables, bochs, memory }) => {
  const guest = await longModeGuest(l2, []);
  await guest.load(halt);
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
  const spaces = { guest: x86Space({ cr3: guest.cr3 }), second: await tables() };
  const seen = await bochs.paused(() => walkNested(memory.memory, spaces, 0x1abcn));
  expect(seen.physicalAddress).toBeDefined();
});
