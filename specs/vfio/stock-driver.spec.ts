import { expect, test } from '../../fixtures/index.js';
import { loadVfioDriver } from '../support/vfio-driver.js';

test.use({ needs: ['@reference-driver'] });

test.beforeEach(async ({ guest }) => {
  await loadVfioDriver(guest, 'stock');
});

test('with the stock driver the check of the PTEs fails and names page, bit and walk', async ({ vfio }) => {
  const mapping = await vfio.mapDma({ pages: 4 });
  const failure = await expect(mapping)
    .toHaveUserBitCleared()
    .then(
      () => undefined,
      (error: unknown) => error as Error,
    );
  expect(failure?.message).toContain(`0x${mapping.address.toString(16)}`);
  expect(failure?.message).toContain('4 of 4');
  expect(failure?.message).toContain('_PAGE_USER (bit 2) is set');
  for (const level of ['PML4', 'PDPT', 'PD', 'PT']) expect(failure?.message).toContain(level);
  await test.info().attach('failure.txt', { body: failure?.message ?? '', contentType: 'text/plain' });
});

test('with the stock driver the check of the kernel log fails', async ({ vfio, kernelLog }) => {
  const mapping = await vfio.mapDma({ pages: 4 });
  await expect(expect(kernelLog).toReportClearing(mapping)).rejects.toThrow(/the log has no line for it/);
});

test('with the stock driver user mode keeps its access', async ({ vfio }) => {
  const mapping = await vfio.mapDma({ pages: 4 });
  expect(await mapping.touch(0, { access: 'write', value: 0x1234n })).toBe(0x1234n);
  expect(await mapping.touch(0)).toBe(0x1234n);
});
