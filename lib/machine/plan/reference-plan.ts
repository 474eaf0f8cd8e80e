import path from 'node:path';

import type { ReferenceImage } from '../../image/reference-image.js';
import type { MachineOptions } from '../options.js';
import { type Invocation, type LaunchPlan, type MachineShape, scriptArguments } from './launch-plan.js';
import type { PortPattern } from '../ports/index.js';

const program = path.resolve(import.meta.dirname, '../../../images/reference/launch-opentdx.sh');

/** The CPU models that the reference launcher takes when none is asked for; see its usage text. */
export const referenceCpu = { tcg: 'max,la57=off', kvm: 'host' } as const;

/**
 * What a processor that TCG emulates is to have beside its model for a kernel that is not the project's. QEMU before 8.0 computes the flags of
 * cmpxchg16b from stale ones (target/i386/tcg/mem_helper.c, helper_cmpxchg16b_unlocked), and Linux since 6.5 lets an interrupt come while they
 * are in force: on a busy host one boot of two of Debian's 6.12 died of a double fault in kmem_cache_alloc.
 */
export const foreignTcgCpu = 'cx16=off';

/** The machine options under which the accelerator is proven: those of the reference launcher. */
export const referenceMachine = 'q35,kernel-irqchip=split';

/**
 * What the reference launcher is told: see its usage text. All of its variables are here, so that what the harness's own environment holds
 * under these names (a DEBUG that is meant for something else, say) does not shape a machine behind the plan's back.
 */
function invocation(plan: LaunchPlan, ports: PortPattern): Invocation {
  const { ram, shape } = plan;
  return {
    args: scriptArguments(plan, ports),
    environment: {
      GPU: undefined,
      DEBUG: plan.debug ? '1' : undefined,
      E2E_QEMU: plan.qemu,
      E2E_ACCEL: shape?.accel,
      E2E_CPU: shape?.cpu,
      E2E_KERNEL: plan.kernel,
      E2E_INITRD: plan.initrd,
      E2E_APPEND: shape?.kernelArguments,
      E2E_DEVICE: shape?.device,
      E2E_DEVICES: shape?.devices?.join('\n'),
      E2E_RAM_FILE: ram?.file,
      E2E_RAM_SHARE: ram?.shared ? 'on' : undefined,
      E2E_INCOMING: plan.incoming ? '1' : undefined,
    },
  };
}

/** The embedded stack: the project's own launch script, the distribution's QEMU, the guest built from Debian packages. */
export function referencePlan(
  qemu: string,
  image: Pick<ReferenceImage, 'folder' | 'initrd'>,
  options: MachineOptions,
  accel: 'kvm' | 'tcg',
): LaunchPlan {
  const { memory, vcpus, debug, la57, kernelArguments, device, devices } = options;
  const cpu = options.cpu ?? (la57 && accel === 'tcg' ? 'max' : referenceCpu[accel]);
  return {
    program,
    memory,
    vcpus,
    debug,
    qemu,
    // The entry point that PVH uses never turns five levels on (arch/x86/platform/pvh/head.S); a bzImage's decompressor does.
    kernel: path.join(image.folder, la57 ? 'bzImage' : 'vmlinux'),
    initrd: image.initrd,
    shape: {
      accel,
      cpu,
      ...(kernelArguments === undefined ? {} : { kernelArguments }),
      ...(device === undefined ? {} : { device }),
      ...(devices === undefined ? {} : { devices }),
    },
    invocation,
  };
}

/** What a machine that was saved on another host, or an earlier day, is started from here. */
export interface ResumedFrom {
  readonly memory: string;
  readonly vcpus: number;
  readonly shape: MachineShape;
  readonly kernel: string;
  readonly initrd: string;
  readonly qemu: string;
  /** A file that does not exist yet, where the machine's RAM was a file: QEMU knows RAM by what it is made of. */
  readonly ram: string | undefined;
}

/** The plan of a machine that waits for its whole state. */
export function resumedReferencePlan({ ram, ...from }: ResumedFrom): LaunchPlan {
  const file = ram === undefined ? {} : { ram: { file: ram, shared: false } };
  return { ...from, ...file, program, debug: false, incoming: true, invocation };
}
