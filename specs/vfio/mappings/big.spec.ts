import { expect, test } from '../../../fixtures/index.js';
import { expectNoAccess, expectSameInGuest } from './agreement.js';

test.describe.configure({ timeout: 240_000 });

test('256 MiB are verified page by page, with the whole address space', async ({
  vfio,
  kernelLog,
  verifyPte,
}) => {
  const pages = 65_536;
  const mapping = await vfio.mapDma({ pages });
  // The log's lines have arrived, so that what is measured is the check.
  await test.step('the kernel log arrives', () => kernelLog.entries());
  const began = performance.now();
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  const seconds = (performance.now() - began) / 1000;
  test.info().annotations.push({ type: 'verified 256 MiB in', description: `${seconds.toFixed(2)} s` });
  // Asked in the guest each page costs about a millisecond: the first and the last of every 64.
  const ends = Array.from({ length: pages / 64 }, (_, index) => [index * 64, index * 64 + 63]).flat();
  await expectSameInGuest(verifyPte, mapping, ends);
  await expectNoAccess(mapping);
});
