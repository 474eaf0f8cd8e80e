import path from 'node:path';

import type { MonitorEndpoint } from '../../monitor/index.js';
import { UnsupportedOptionError } from '../errors.js';
import type { MachineOptions } from '../options.js';
import { type LaunchPlan, scriptArguments } from './launch-plan.js';

/** Where the launch script expects L1's kernel, below its working folder. */
const kernel = 'linux-l1/arch/x86/boot/bzImage';

/** What an unmodified launch script has no argument for; the wrapper of QEMU gives kernel arguments all the same. */
const unsupported = ['cpu', 'kernelArguments', 'device', 'devices'] as const;

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
  const given = wrapped ? ['kernelArguments'] : [];
  const asked: string[] = unsupported.filter((name) => options[name] !== undefined && !given.includes(name));
  if (options.la57) asked.push('la57');
  if (options.accel === 'tcg' && !wrapped) asked.push('accel');
  if (asked.length > 0) {
    throw new UnsupportedOptionError(
      `A checkout's launch script takes memory, vCPUs and DEBUG, and no ${asked.join(', ')}.`,
    );
  }
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
