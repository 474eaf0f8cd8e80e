import { expect, test } from '../../../fixtures/index.js';
import { startVfioTool } from '../../../lib/guest/vfio/tool.js';
import { vfioFailure } from './failure.js';

test('a device that is not there', async ({ guest }) => {
  const tool = await startVfioTool(guest);
  const { failure, message } = await vfioFailure(tool.request('open', { device: '0000:00:1e.7' }));
  expect(failure.kind).toBe('noSuchDevice');
  expect(message).toMatch(/0000:00:1e\.7: there is no such PCI device.*ls \/sys\/bus\/pci\/devices/);
});

test('a device that is no PCI address', async ({ guest }) => {
  const tool = await startVfioTool(guest);
  for (const device of ['', 'eth0', '00:05.0', '0000:00:05.8', '0000:00:05.0/../..', '0000:00:5.00']) {
    const { failure, message } = await vfioFailure(tool.request('open', { device }));
    expect(failure.kind).toBe('argument');
    expect(message).toContain('must look like 0000:00:02.0');
  }
});

test('a device that is not bound to vfio-pci, and the remedy works', async ({ guest, stack }) => {
  const { device } = stack;
  const inDevice = (script: string) =>
    guest.succeed(['sh', '-ec', `cd "/sys/bus/pci/devices/$1"; ${script}`, 'sh', device]);
  await inDevice('echo "$1" > driver/unbind');
  const tool = await startVfioTool(guest);
  const { failure, message } = await vfioFailure(tool.request('open', { device }));
  expect(failure.kind).toBe('notBound');
  expect(message).toMatch(/bound to no driver.*driver_override.*drivers_probe/);

  await inDevice('echo vfio-pci > driver_override; echo "$1" > /sys/bus/pci/drivers_probe');
  expect((await tool.request('open', { device })).number('group')).toBeGreaterThanOrEqual(0);
});

test('a device that another driver has', async ({ guest }) => {
  const link = await guest.succeed(['readlink', '-f', '/sys/class/net/eth0/device/..']);
  const device = link.trim().split('/').at(-1) ?? '';
  const tool = await startVfioTool(guest);
  const { failure, message } = await vfioFailure(tool.request('open', { device }));
  expect(failure.kind).toBe('notBound');
  expect(message).toMatch(/bound to virtio-pci/);
});

test('a device whose group another process has open', async ({ guest, stack }) => {
  const { device } = stack;
  const first = await startVfioTool(guest);
  await first.request('open', { device });
  const second = await startVfioTool(guest);
  const { failure, message } = await vfioFailure(second.request('open', { device }));
  expect(failure).toMatchObject({ kind: 'groupBusy', errno: 'EBUSY' });
  expect(message).toMatch(/Another process has the group open.*end that one first/);
  await first.exit();
  await second.request('open', { device });
});

test('without the type1 driver the module to load is named', async ({ guest, stack }) => {
  await guest.succeed(['rmmod', 'vfio_iommu_type1']);
  // The kernel would load it again by itself when a container is opened (MODULE_SOFTDEP of vfio).
  await guest.succeed(['sh', '-ec', 'mv /sbin/modprobe /sbin/modprobe.away']);
  const tool = await startVfioTool(guest);
  const { failure, message } = await vfioFailure(tool.request('open', { device: stack.device }));
  expect(failure.kind).toBe('noType1');
  expect(message).toContain('modprobe vfio_iommu_type1');
});

test('an operation before a device is open', async ({ guest }) => {
  const tool = await startVfioTool(guest);
  const args = { vaddr: 0x10000n, size: 4096n, iova: 0x100000n };
  const { failure, message } = await vfioFailure(tool.request('map', args));
  expect(failure.kind).toBe('notOpen');
  expect(message).toContain('the open operation comes first');
});
