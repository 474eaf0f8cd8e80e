import { expect, test } from '../../../fixtures/index.js';
import { startVfioTool } from '../../../lib/guest/vfio/tool.js';
import { vfioFailure } from './failure.js';

test.use({ machineOptions: { kernelArguments: 'intel_iommu=off', coldBoot: true } });

test("a guest without an IOMMU: the error says what the launcher's environment lacks", async ({
  guest,
  stack,
}) => {
  const tool = await startVfioTool(guest);
  const { failure, message } = await vfioFailure(tool.request('open', { device: stack.device }));
  expect(failure.kind).toBe('noIommu');
  expect(message).toMatch(/behind no IOMMU.*GPU=1.*intel_iommu=on/);
});
