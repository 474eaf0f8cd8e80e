/** Ordinary checks of mappings that are recorded: what comes and goes between two looks is seen as well. */
import { expect, test } from '../../../fixtures/index.js';

test.use({ recordMappings: true });

test('pages stay closed to user mode for all of 11 seconds', async ({ vfio, guest, kernelLog }) => {
  const mapping = await vfio.mapDma({ pages: 4 });
  await guest.succeed(['sleep', '11']);
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
});

test('pages stay closed while other memory, of this process and another, is mapped and unmapped', async ({
  vfio,
  kernelLog,
}) => {
  const mapping = await vfio.mapDma({ pages: 4 });
  const process = await vfio.process();
  await (await process.mapDma({ pages: 1 })).unmap();
  await (await process.fork()).mapDma({ pages: 1 });
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
});

test('a mapping of 512 pages is recorded whole', async ({ vfio, kernelLog }) => {
  const mapping = await vfio.mapDma({ pages: 512 });
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
});
