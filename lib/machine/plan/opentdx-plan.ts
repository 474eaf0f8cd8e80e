import path from 'node:path';

import type { MonitorEndpoint } from '../../monitor/index.js';
import { type MachineOptions, requireTaken } from '../options.js';
import { type LaunchPlan, scriptArguments } from './launch-plan.js';

/** Where the launch script expects L1's kernel, below its working folder. */
const kernel = 'linux-l1/arch/x86/boot/bzImage';

export interface OpentdxLaunch {
  /** `GPU` of the launch script. */
  readonly gpu: boolean;
  /** A wrapper stands in for the checkout's QEMU. */
  readonly wrapped: boolean;
  /** Where the script's monitor is, where its QEMU does not say so. */
  readonly monitor?: MonitorEndpoint;
}

/**
 * A launch of an open-tdx checkout by its own script.
 *
 * @param folder the checkout, or a folder that looks like it: the script goes by its working folder
 * @throws UnsupportedOptionError for what the script has no argument for
 */
export function opentdxPlan(
  folder: string,
  options: MachineOptions,
  { gpu, wrapped, monitor }: OpentdxLaunch,
): LaunchPlan {
  // The wrapper of QEMU gives what an unmodified script has no argument for. Both have KVM: the script by itself, the wrapper where it is proven.
  const others = [
    ...(wrapped ? (['kernelArguments', 'accel'] as const) : []),
    ...(options.accel === 'kvm' ? (['accel'] as const) : []),
  ];
  requireTaken("A checkout's launch script", options, ['memory', 'vcpus', 'debug', ...others]);
  return {
    program: path.join(folder, 'launch-opentdx.sh'),
    workingFolder: folder,
    kernel: path.join(folder, kernel),
    memory: options.memory,
    vcpus: options.vcpus,
    debug: options.debug,
    ...(monitor === undefined ? {} : { monitor }),
    invocation: (plan, ports) => ({
      args: scriptArguments(plan, ports),
      environment: { DEBUG: plan.debug ? '1' : undefined, GPU: gpu ? '1' : undefined },
    }),
  };
}
