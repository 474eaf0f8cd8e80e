import { expect } from '../../../fixtures/index.js';
import { test } from '../../../fixtures/l2.js';
import { walkNested, x86Space } from '../../../lib/paging/index.js';
import { halt } from '../../nested/support/code.js';
import { longModeGuest } from '../../nested/support/guest.js';

// An L2 under an emulated L1, on a busy machine.
test.describe.configure({ timeout: 180_000 });

test('QEMU: a walk of both dimensions leads to a page', async ({ l2, npt, machine, memory }) => {
  const guest = await longModeGuest(l2, []);
  await guest.load(halt);
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
  const spaces = { guest: x86Space({ cr3: guest.cr3 }), second: await npt() };
  const seen = await machine.paused(() => walkNested(memory.memory, spaces, 0x1abcn));
  expect(seen.physicalAddress).toBeDefined();
});
