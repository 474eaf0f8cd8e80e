import { expect, test } from '../../../fixtures/index.js';
import { expectNoAccess, expectSameInGuest } from './agreement.js';

// One page table has 512 entries: the ends of tables, and mappings that span several, are where a loop goes wrong.
for (const pages of [1, 2, 511, 512, 513, 1536, 4096]) {
  test(`a mapping of ${pages} page${pages === 1 ? '' : 's'} is taken away from user mode, from first to last`, async ({
    vfio,
    kernelLog,
    verifyPte,
  }) => {
    const mapping = await vfio.mapDma({ pages });
    await expect(mapping).toBeTakenFromUserMode(kernelLog);
    await expectSameInGuest(verifyPte, mapping);
    await expectNoAccess(mapping);
  });
}

test('part of a buffer is taken away, and the rest of it is not', async ({ vfio, kernelLog, verifyPte }) => {
  const process = await vfio.process();
  const whole = await process.alloc({ pages: 64 });
  const part = { address: whole.address + 0x3000n, size: 0x5000n };
  const mapping = await process.mapDma({ pages: 5, buffer: part });
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  await expectSameInGuest(verifyPte, mapping);
  await expectNoAccess(mapping);
  for (const beside of [part.address - 0x1000n, part.address + part.size]) {
    expect(await process.access(beside, { access: 'write', value: 7n })).toMatchObject({ outcome: 'done' });
  }
});
