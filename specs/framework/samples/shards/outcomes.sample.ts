/** Tests with known outcomes, for the spec about shards, which puts them among the specs of a checkout (specs/vfio/of/shards). */
import { expect, test } from '../../../../fixtures/index.js';
import { InfrastructureError } from '../../../../lib/errors.js';
import { loadVfioDriver } from '../../../support/vfio-driver.js';

test('fails with the stock driver', async ({ vfio, guest }) => {
  await loadVfioDriver(guest, 'stock');
  const mapping = await vfio.mapDma({ pages: 4 });
  await expect(mapping).toHaveUserBitCleared();
});

test('is skipped', () => {
  test.skip(true, 'always');
});

test.describe('with another try', () => {
  test.describe.configure({ retries: 1 });

  test('passes when it is tried again', ({}, testInfo) => {
    // Not by an assertion: one that was false once makes a run bad, whatever comes after it.
    if (testInfo.retry === 0) throw new InfrastructureError('The first try finds nothing to work with.');
  });
});
