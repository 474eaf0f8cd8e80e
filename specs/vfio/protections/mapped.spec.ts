import { expect, test } from '../../../fixtures/index.js';
import { combinations } from '../../support/protections.js';
import { _PAGE_USER, protectionFromVma } from '../../../lib/paging/index.js';

// A DMA mapping takes the user bit and nothing else, whatever the memory's protection is. Memory that may be neither read nor
// written cannot be mapped for DMA.
for (const combination of combinations.filter(({ read, write }) => read || write)) {
  test(`${combination.name}: mapped for DMA its entries are as the table says, but for the user bit`, async ({
    vfio,
  }) => {
    const { protection, kind, write } = combination;
    const { beforeWrite, afterWrite } = protectionFromVma(combination);
    const expected = afterWrite ?? beforeWrite;
    const mapping = await vfio.mapDma({ pages: 3, kind, protection, write });
    await expect(mapping).toHavePteBits({
      set: expected.set & ~_PAGE_USER,
      cleared: expected.cleared | _PAGE_USER,
    });
  });
}
