import path from 'node:path';

import type { ReferenceImage } from '../../image/reference-image.js';
import type { MachineOptions } from '../options.js';
import type { LaunchPlan } from './launch-plan.js';

const script = path.resolve(import.meta.dirname, '../../../images/reference/launch-opentdx.sh');

/** The CPU models that the reference launcher takes when none is asked for; see its usage text. */
export const referenceCpu = { tcg: 'max,la57=off', kvm: 'host' } as const;

/** The machine options under which the accelerator is proven: those of the reference launcher. */
export const referenceMachine = 'q35,kernel-irqchip=split';

/**
 * What the harness's own environment holds under these names (a DEBUG that is meant for something else, say) must not shape a machine
 * behind the plan's back: the plan is what a snapshot is found by.
 */
const launcherVariables = [
  'DEBUG',
  'GPU',
  'E2E_KERNEL',
  'E2E_INITRD',
  'E2E_APPEND',
  'E2E_DEVICE',
  'E2E_DEVICES',
  'E2E_RAM_FILE',
  'E2E_RAM_SHARE',
  'E2E_INCOMING',
];

/** The embedded stack: the project's own launch script, the distribution's QEMU, the guest built from Debian packages. */
export function referencePlan(
  image: ReferenceImage,
  options: MachineOptions,
  accel: 'kvm' | 'tcg',
): LaunchPlan {
  return {
    script,
    memory: options.memory,
    vcpus: options.vcpus,
    debug: options.debug,
    withheld: launcherVariables,
    environment: {
      E2E_IMAGE: image.folder,
      E2E_ACCEL: accel,
      E2E_CPU: options.cpu ?? (options.la57 && accel === 'tcg' ? 'max' : referenceCpu[accel]),
      // The entry point that PVH uses never turns five levels on (arch/x86/platform/pvh/head.S); a bzImage's decompressor does.
      ...(options.la57 ? { E2E_KERNEL: path.join(image.folder, 'bzImage') } : {}),
      ...(options.kernelArguments === undefined ? {} : { E2E_APPEND: options.kernelArguments }),
      ...(options.device === undefined ? {} : { E2E_DEVICE: options.device }),
      ...(options.devices === undefined ? {} : { E2E_DEVICES: options.devices.join('\n') }),
      ...(options.debug ? { DEBUG: '1' } : {}),
    },
  };
}
