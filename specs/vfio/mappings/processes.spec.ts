import { expect, test } from '../../../fixtures/index.js';
import { readHoldings } from '../../../lib/guest/vfio/pins.js';
import { _PAGE_USER } from '../../../lib/paging/index.js';
import { expectNoAccess, expectSameInGuest } from './agreement.js';

test('a fork while memory is mapped leaves the parent as it was', async ({ vfio, kernelLog, verifyPte }) => {
  const mapping = await vfio.mapDma({ pages: 4 });
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  await using child = await mapping.process.fork();
  expect(child.space.root).not.toBe(mapping.process.space.root);
  await expect(mapping).toStayTakenFromUserMode('the process forked');
  await expectSameInGuest(verifyPte, mapping);
  await expectNoAccess(mapping);
});

test('a forked child maps memory of its own in the same container', async ({
  vfio,
  kernelLog,
  verifyPte,
}) => {
  const parents = await vfio.mapDma({ pages: 4 });
  await using child = await parents.process.fork();
  const mapping = await child.mapDma({ pages: 4 });
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  await expectSameInGuest(verifyPte, mapping);
  await expectNoAccess(mapping);
  await expect(parents).toStayTakenFromUserMode('a child made a mapping');
});

test('what a second thread maps is taken from its whole process', async ({ vfio, kernelLog }) => {
  const mapping = await vfio.mapDma({ pages: 4, thread: true });
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  await expectNoAccess(mapping);
});

test('a process that is killed while it has mappings leaves nothing pinned', async ({
  vfio,
  guest,
  kernelLog,
}) => {
  const survivor = await vfio.newProcess();
  const held = await readHoldings(guest, survivor.pid);
  const mapping = await vfio.mapDma({ pages: 64 });
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  await mapping.process.kill();
  await expect
    .poll(async () => (await readHoldings(guest, survivor.pid)).pinned - held.pinned, {
      message: 'pages that stay pinned after the process that had 64 of them mapped was killed',
      timeout: 20_000,
    })
    .toBe(0);
  const later = await survivor.mapDma({ pages: 4 });
  await expect(later).toBeTakenFromUserMode(kernelLog);
});

test('of pages that two processes share, the one that maps them loses its access', async ({
  vfio,
  kernelLog,
  verifyPte,
}) => {
  const path = '/dev/shm/shared-by-two';
  const mapper = await vfio.process();
  const other = await vfio.newProcess();
  const theirs = await other.alloc({ pages: 8, kind: 'file', path });
  const seen = await other.scan();
  const mine = await mapper.alloc({ pages: 8, kind: 'file', path });
  const mapping = await mapper.mapDma({ pages: 8, buffer: mine });
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  await expectSameInGuest(verifyPte, mapping);
  await expectNoAccess(mapping);

  // Both name the same frames, and only the mapper's entries changed.
  const frames = async (): Promise<(bigint | undefined)[]> =>
    [...(await other.entries(theirs.address, 8))].map(({ physicalAddress }) => physicalAddress);
  expect(await frames()).toEqual(
    [...(await mapping.entries())].map(({ physicalAddress }) => physicalAddress),
  );
  expect(await other.changesSince(seen)).toLeaveUnchanged(theirs, 'another process mapped the pages');
  expect(await other.access(theirs.address)).toMatchObject({ outcome: 'done' });

  // The other one loses it with a mapping of its own.
  const second = await other.mapDma({ pages: 8, buffer: theirs });
  await expect(second).toBeTakenFromUserMode(kernelLog);
  await expectNoAccess(second);
  expect([...(await mapping.entries()).failing({ cleared: _PAGE_USER })]).toEqual([]);
});
