import { expect, test } from '../../fixtures/index.js';
import { _PAGE_PRESENT, _PAGE_USER } from '../../lib/paging/index.js';

// The reference patch clears when a mapping is made and restores nothing when it goes.
test('after an unmap the pages are still there, on the same frames and without _PAGE_USER', async ({
  vfio,
}) => {
  const mapping = await vfio.mapDma({ pages: 4 });
  const mapped = [...(await mapping.entries())].map(({ physicalAddress }) => physicalAddress);
  await mapping.unmap();
  await expect(mapping).toHavePteBits({ set: _PAGE_PRESENT, cleared: _PAGE_USER });
  expect([...(await mapping.entries())].map(({ physicalAddress }) => physicalAddress)).toEqual(mapped);
  await expect(mapping.touch()).rejects.toMatchPageFault({ user: true, present: true });
});
