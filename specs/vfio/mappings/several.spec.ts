import { expect, test } from '../../../fixtures/index.js';
import { expectNoAccess, expectSameInGuest } from './agreement.js';

test('several mappings of one process are all taken away, and stay so', async ({
  vfio,
  kernelLog,
  verifyPte,
}) => {
  const first = await vfio.mapDma({ pages: 4 });
  await expect(first).toBeTakenFromUserMode(kernelLog);
  const second = await vfio.mapDma({ pages: 3, kind: 'shared' });
  await expect(first).toStayTakenFromUserMode('a second mapping was made');
  await expect(second).toBeTakenFromUserMode(kernelLog);
  const third = await vfio.mapDma({ pages: 600, kind: 'memfd' });
  for (const earlier of [first, second]) {
    await expect(earlier).toStayTakenFromUserMode('a third mapping was made');
  }
  for (const mapping of [first, second, third]) {
    await expect(mapping).toBeTakenFromUserMode(kernelLog);
    await expectNoAccess(mapping);
  }
  await expectSameInGuest(verifyPte, first);
});

test('twelve mappings of one process are all taken away', async ({ vfio, kernelLog }) => {
  const process = await vfio.process();
  const mappings = [];
  for (let number = 1; number <= 12; number += 1) mappings.push(await process.mapDma({ pages: 2 }));
  for (const mapping of mappings) await expect(mapping).toBeTakenFromUserMode(kernelLog);
});

test('mappings of several processes, each with its own device, are taken away', async ({
  vfio,
  kernelLog,
  verifyPte,
}) => {
  const one = await (await vfio.process()).mapDma({ pages: 4 });
  const other = await (await vfio.newProcess()).mapDma({ pages: 4 });
  expect(one.process.pid).not.toBe(other.process.pid);
  expect(one.process.space.root).not.toBe(other.process.space.root);
  await expect(one).toStayTakenFromUserMode('another process made a mapping');
  for (const mapping of [one, other]) {
    await expect(mapping).toBeTakenFromUserMode(kernelLog);
    await expectSameInGuest(verifyPte, mapping);
    await expectNoAccess(mapping);
  }
});

test(
  'mappings that two processes have at the same addresses are told apart',
  { tag: '@thp' },
  async ({ vfio, kernelLog, stack }) => {
    const parent = await vfio.process();
    const child = await parent.fork();
    const huge = await parent.alloc({ pages: 512, kind: 'thp' });
    const left = await parent.mapDma({ pages: 512, buffer: huge });
    const { address, size } = await child.alloc({ pages: 4 });
    const buffer = { address: huge.address + 16n * 4096n, size };
    await child.request('mremap', { address, size, to: buffer.address });
    const taken = await child.mapDma({ pages: 4, buffer });
    expect(left.lookAfter.entries.level[0]).toBe(2);
    await expect(taken).toBeTakenFromUserMode(kernelLog);
    // Of huge pages no other driver promises anything.
    if (!stack.lacks?.has('@reference-driver')) await expect(left).toBeReportedAsNotTaken(kernelLog);
  },
);

test('the same range mapped once more, at another iova, stays closed', async ({
  vfio,
  kernelLog,
  verifyPte,
}) => {
  const first = await vfio.mapDma({ pages: 4 });
  await expect(first).toBeTakenFromUserMode(kernelLog);
  const again = await first.process.mapDma({ pages: 4, buffer: first.buffer });
  expect(again.iova).not.toBe(first.iova);
  await expect(first).toStayTakenFromUserMode('its pages were mapped once more');
  // The log may have the pages twice now: the second time the old PTE is closed already.
  for (const mapping of [first, again]) await expect(mapping).toBeTakenFromUserMode(kernelLog);
  await expectSameInGuest(verifyPte, again);
  await expectNoAccess(again);
});
