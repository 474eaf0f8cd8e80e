import { expect, test } from '../../../fixtures/index.js';
import { expectSameInGuest } from './agreement.js';

test('what is taken away stays so while the guest goes on', async ({ vfio, guest, verifyPte }) => {
  const process = await vfio.process();
  // Right after the mapping, within one operation of the process, its pages are closed, however slow the host is.
  const result = await process.touchMapTouch(await process.alloc({ pages: 4 }));
  await expect(result).toLeaveNoStaleTranslation();
  // The guest's own clock tells how far its deferred work has come.
  await expect(result.mapping).toStayTakenFromUserMode(
    "0.7 s of the guest's time went by and nobody asked for anything",
    guest.succeed(['sleep', '0.7']),
  );
  await expectSameInGuest(verifyPte, result.mapping);
});

test('what is taken away stays so while other pages of the process get other frames', async ({
  vfio,
  guest,
}) => {
  const process = await vfio.process();
  const mapping = await process.mapDma({ pages: 4 });
  const other = await process.alloc({ pages: 1 });
  await process.fork();
  // A copy on write tells the drivers that watch the process what a page that moves tells them.
  await process.access(other.address, { access: 'write' });
  await expect(mapping).toStayTakenFromUserMode(
    "another page of the process was copied and 0.3 s of the guest's time went by",
    guest.succeed(['sleep', '0.3']),
  );
});
