import { expect, test } from '../../../fixtures/index.js';
import { expectNoAccess } from './agreement.js';

test.describe.configure({ timeout: 240_000 });

test('256 MiB are verified page by page, with the whole address space', async ({ vfio, kernelLog }) => {
  const pages = 65_536;
  const mapping = await vfio.mapDma({ pages });
  // The log's lines have arrived, so that what is measured is the check.
  await test.step('the kernel log arrives', () => kernelLog.entries());
  const began = performance.now();
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  const seconds = (performance.now() - began) / 1000;
  test.info().annotations.push({ type: 'verified 256 MiB in', description: `${seconds.toFixed(2)} s` });
  await expectNoAccess(mapping);
});
