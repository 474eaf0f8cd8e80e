import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { findCommand } from '../../lib/host/find-command.js';
import { type Check, missing, ready } from './check.js';

const run = promisify(execFile);

/** Whether QEMU can give the guest an IOMMU of its own, without which nothing can be mapped for DMA. */
export function viommuCheck(qemu: string): Check {
  return {
    name: 'vIOMMU',
    look: async () => {
      const file = await findCommand(qemu);
      if (file === undefined) return missing('not known without QEMU', 'Install QEMU first.');
      const { stdout } = await run(file, ['-device', 'help'], { timeout: 10_000 });
      const lacking = ['intel-iommu', 'virtio-net-pci', 'e1000'].filter(
        (device) => !stdout.includes(`name "${device}"`),
      );
      return lacking.length === 0
        ? ready('QEMU has intel-iommu and a device to pass through')
        : missing(
            `QEMU lacks ${lacking.join(', ')}`,
            'Use a QEMU built with these devices: E2E_QEMU names another.',
          );
    },
  };
}
