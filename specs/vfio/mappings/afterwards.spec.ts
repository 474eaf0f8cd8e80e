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
