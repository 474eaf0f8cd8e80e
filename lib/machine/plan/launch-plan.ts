import path from 'node:path';

import type { MonitorEndpoint } from '../../monitor/index.js';
import type { PortPattern } from '../ports/index.js';

/**
 * How a launch script is to be run: everything that a launcher needs to know, and nothing about what happens afterwards.
 * Scripts of all stacks take the same command line: `-m MEMORY -s VCPUS -p SSH_PORT -d DEBUG_PORT`.
 */
export interface LaunchPlan {
  /** Absolute path of the script. */
  readonly script: string;
  /** The folder that the script runs in; the machine's run folder when left out. */
  readonly workingFolder?: string;
  /** RAM as QEMU's -m takes it: a number with a suffix, `512m`, `1g`. */
  readonly memory: string;
  readonly vcpus: number;
  /** Variables on top of the harness's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables of the harness's own environment that the script must not see. */
  readonly withheld?: readonly string[];
  /** Where the monitor is, if not at debug port + 100 and not where QEMU's command line has it. */
  readonly monitor?: MonitorEndpoint;
  /** The VM starts stopped with its gdb stub open (`DEBUG`), and is continued once the monitor answers. */
  readonly debug: boolean;
}

/** The script's arguments for these ports. */
export function launchArguments(plan: LaunchPlan, ports: PortPattern): string[] {
  return [
    ...['-m', plan.memory],
    ...['-s', String(plan.vcpus)],
    ...['-p', String(ports.ssh)],
    ...['-d', String(ports.debug)],
  ];
}

/** Where open-tdx's launch script expects L1's kernel, below its working folder. */
const opentdxKernel = 'linux-l1/arch/x86/boot/bzImage';

/** Absolute path of the kernel that a plan boots; undefined where the plan does not say. */
export function kernelOfPlan({ environment, workingFolder }: LaunchPlan): string | undefined {
  if (environment.E2E_KERNEL !== undefined) return environment.E2E_KERNEL;
  if (environment.E2E_IMAGE !== undefined) return path.join(environment.E2E_IMAGE, 'vmlinux');
  return workingFolder === undefined ? undefined : path.join(workingFolder, opentdxKernel);
}
