import { expect, test } from '../../../fixtures/index.js';
import { startVfioTool } from '../../../lib/guest/vfio/tool.js';
import { vfioFailure } from './failure.js';

// Two functions of one device without access control (ACS) are one IOMMU group. The second one is bound to the guest's own driver.
test.use({
  machineOptions: {
    device: 'e1000,romfile=,multifunction=on',
    devices: ['virtio-rng-pci,addr=05.1,disable-legacy=on,iommu_platform=on'],
    coldBoot: true,
  },
});

test('a group of which the guest uses another device, and the remedy works', async ({ guest, stack }) => {
  const { device } = stack;
  const tool = await startVfioTool(guest);
  const { failure, message } = await vfioFailure(tool.request('open', { device }));
  expect(failure.kind).toBe('groupNotViable');
  expect(message).toMatch(/0000:00:05\.1 \(virtio-pci\).*bind all of them to vfio-pci, or unbind the others/);

  await guest.succeed(['sh', '-c', 'echo 0000:00:05.1 > /sys/bus/pci/devices/0000:00:05.1/driver/unbind']);
  expect((await tool.request('open', { device })).number('device')).toBe(1);
});
