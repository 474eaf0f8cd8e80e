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

/** What of a plan's environment shapes the machine's devices and CPU, and is no path of the host that it ran on. */
const shaping = ['E2E_ACCEL', 'E2E_CPU', 'E2E_APPEND', 'E2E_DEVICE', 'E2E_DEVICES'] as const;

/** The part of a reference plan that a machine saved on one host takes to another. */
export function portableEnvironment({
  environment,
}: Pick<LaunchPlan, 'environment'>): Record<string, string> {
  return Object.fromEntries(
    shaping.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
  );
}

/** The files of a host that a machine of this plan was booted from. */
export function bootFiles({ environment }: LaunchPlan): { kernel: string; initrd: string } {
  const image = environment.E2E_IMAGE ?? '';
  return {
    kernel: environment.E2E_KERNEL ?? path.join(image, 'vmlinux'),
    initrd: environment.E2E_INITRD ?? path.join(image, 'initrd'),
  };
}

/** What a machine that was saved on another host, or an earlier day, is started from here. */
export interface ResumedFrom {
  readonly memory: string;
  readonly vcpus: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly kernel: string;
  readonly initrd: string;
  readonly qemu: string;
  /** A file that does not exist yet, where the machine's RAM was a file: QEMU knows RAM by what it is made of. */
  readonly ram: string | undefined;
}

/** The plan of a machine that waits for its whole state. */
export function resumedReferencePlan(from: ResumedFrom): LaunchPlan {
  return {
    script,
    memory: from.memory,
    vcpus: from.vcpus,
    debug: false,
    withheld: launcherVariables,
    environment: {
      ...portableEnvironment(from),
      E2E_KERNEL: from.kernel,
      E2E_INITRD: from.initrd,
      E2E_QEMU: from.qemu,
      E2E_INCOMING: '1',
      ...(from.ram === undefined ? {} : { E2E_RAM_FILE: from.ram }),
    },
  };
}
