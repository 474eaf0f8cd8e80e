import { expect, test } from '../../../fixtures/index.js';

test('a guest command in a stopped VM', async ({ guest, monitor }) => {
  await guest.succeed(['true']);
  await monitor.stop();
  await guest.succeed(['true']);
});

test('an operation of the VFIO tool in a stopped VM', async ({ vfio, monitor }) => {
  const mapping = await vfio.mapDma({ pages: 1 });
  await monitor.stop();
  await mapping.touch();
});

test('a kernel log in a stopped VM', async ({ kernelLog, monitor }) => {
  await monitor.stop();
  await kernelLog.entries();
});

test('an assertion fails while the VM is stopped', async ({ vfio, kernelLog, monitor }) => {
  await vfio.process();
  await monitor.stop();
  expect(kernelLog.began).toBeUndefined();
});
