import { expect, test } from '../../../fixtures/index.js';
import { provoke } from '../../vfio/provoke.js';

test('QEMU: an assertion about page tables is false', async ({ vfio }) => {
  const mapping = await vfio.mapDma({ pages: 1 });
  expect(mapping.pages).toBe(2);
});

test('QEMU: the kernel oopses, and an assertion after it is false', async ({ guest }) => {
  await provoke(guest, 'oops');
  expect(await guest.succeed(['echo', 'no'])).toBe('yes');
});
