import { clearPageUser, expect, test as base } from '../../../fixtures/index.js';
import { _PAGE_RW } from '../../../lib/paging/index.js';
import { loadReadOnly, readOnly } from './change.js';

const test = base.extend<{ driver: undefined }>({
  driver: [
    async ({ guest }, use) => {
      await loadReadOnly(guest);
      await use(undefined);
    },
    { auto: true, title: 'driver that makes mapped pages read-only' },
  ],
});

test.use({ needs: ['@reference-driver'] });

for (const pages of [1, 4, 600]) {
  test(`a DMA mapping of ${pages} page(s) makes its pages read-only, and nothing else`, async ({
    vfio,
    kernelLog,
  }) => {
    const mapping = await vfio.mapDma({ pages });
    await expect(mapping).toHaveChange(readOnly);
    await expect(mapping).toHavePteBits({ cleared: _PAGE_RW, set: 4n });
    await expect(mapping).not.toHaveChange(clearPageUser, kernelLog);
    await expect(mapping).not.toHaveUserBitCleared();
  });
}

test('reads pass, and a write passes and gives the bit back, to its page alone', async ({ vfio }) => {
  const mapping = await vfio.mapDma({ pages: 4 });
  await expect(mapping).toKeepChange(readOnly, 'the mapping was read', mapping.touch(2));
  await expect(mapping).toAnswerAccesses(readOnly, 2);
  const pages = [...(await mapping.entries())].map(({ leafRights }) => leafRights?.write);
  expect(pages).toEqual([false, false, true, false]);
  // What rightly undid the change is no defect.
  await expect(mapping).toHaveChange(readOnly);
});

test('what is checked of the other change is red, and speaks of its bit', async ({ vfio, kernelLog }) => {
  const mapping = await vfio.mapDma({ pages: 4 });
  const checks: readonly (readonly [() => Promise<void>, RegExp])[] = [
    [
      () => expect(mapping).toBeTakenFromUserMode(kernelLog),
      /_PAGE_RW \(bit 1\) cleared; _PAGE_USER \(bit 2\) stays set/,
    ],
    [() => expect(mapping).toHaveUserBitCleared(), /_PAGE_USER is not as it must be/],
    [() => expect(kernelLog).toReportClearing(mapping), /the log has no line for it/],
    [() => expect(mapping).toStayTakenFromUserMode('nothing happened'), /_PAGE_USER \(bit 2\) is set/],
    [() => expect(mapping).toAnswerAccesses(clearPageUser), /read at 0x.*: it went through, not a fault/],
  ];
  for (const [check, words] of checks) await expect(check()).rejects.toThrow(words);
});
