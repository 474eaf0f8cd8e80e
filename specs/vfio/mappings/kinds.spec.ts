import { expect, test } from '../../../fixtures/index.js';
import type { BufferKind } from '../../../lib/guest/vfio/options.js';
import { expectNoAccess, expectSameInGuest } from './agreement.js';

const kinds: readonly BufferKind[] = ['anonymous', 'shared', 'memfd', 'file'];

for (const kind of kinds) {
  test(`${kind} memory is taken away from user mode`, async ({ vfio, kernelLog, verifyPte }) => {
    const mapping = await vfio.mapDma({
      pages: 16,
      kind,
      ...(kind === 'file' ? { path: '/dev/shm/dma' } : {}),
    });
    await expect(mapping).toBeTakenFromUserMode(kernelLog);
    await expectSameInGuest(verifyPte, mapping);
    await expectNoAccess(mapping);
  });
}

test('memory that was never touched is faulted in by the mapping and taken away', async ({
  vfio,
  kernelLog,
  verifyPte,
}) => {
  const mapping = await vfio.mapDma({ pages: 16, populate: false });
  expect(mapping.before.mappedCount).toBe(0);
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  await expectSameInGuest(verifyPte, mapping);
  await expectNoAccess(mapping);
});

test('memory that the process may only read is taken away', async ({ vfio, kernelLog, verifyPte }) => {
  const mapping = await vfio.mapDma({ pages: 4, protection: 'r', write: false });
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  await expectSameInGuest(verifyPte, mapping);
  await expectNoAccess(mapping);
});

test('memory that the device may only read is taken away, and the device may not write', async ({
  vfio,
  kernelLog,
  verifyPte,
}) => {
  const mapping = await vfio.mapDma({ pages: 16, write: false });
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  await expectSameInGuest(verifyPte, mapping);
  await expectNoAccess(mapping);
  const { pages } = await mapping.deviceTables();
  expect([...(pages ?? [])].map(({ effectiveRights }) => effectiveRights?.write)).not.toContain(true);
});
