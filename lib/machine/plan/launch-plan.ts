import type { MonitorEndpoint } from '../../monitor/index.js';
import type { PortPattern } from '../ports/index.js';

/** How a machine is to be launched: everything that a launcher needs to know, and nothing about what happens afterwards. */
export interface LaunchPlan {
  /** Absolute path of what is run: a launch script, or a QEMU. */
  readonly program: string;
  /** The folder that it runs in; the machine's run folder when left out. */
  readonly workingFolder?: string;
  /** RAM as QEMU's -m takes it: a number with a suffix, `512m`, `1g`. */
  readonly memory: string;
  readonly vcpus: number;
  /** The VM starts stopped with its gdb stub open (`DEBUG`), and is continued once the monitor answers. */
  readonly debug: boolean;
  /** What the program is told at these ports. It goes by the plan that it is given, which may be another one than it was made for. */
  readonly invocation: (plan: LaunchPlan, ports: PortPattern) => Invocation;
  /** Variables on top of the invocation's. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where the monitor is, if not at debug port + 100 and not where QEMU's command line has it. */
  readonly monitor?: MonitorEndpoint;
  /** Absolute paths of the QEMU, the kernel and the initramfs, where the plan knows them. */
  readonly qemu?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  /** The file that is the machine's RAM: `shared`, it is written through to, else its content is copied on write. */
  readonly ram?: { readonly file: string; readonly shared: boolean };
  /** The machine waits for its state instead of booting. */
  readonly incoming?: boolean;
  /** What else shapes the machine, and is no path of the host that it runs on, where the plan says so. */
  readonly shape?: MachineShape;
}

/** What is the same on whatever host a machine goes on; see MachineOptions. */
export interface MachineShape {
  readonly accel: 'kvm' | 'tcg';
  /** QEMU's -cpu argument. */
  readonly cpu: string;
  readonly kernelArguments?: string;
  readonly device?: string;
  readonly devices?: readonly string[];
}

/** A program's command line, and its variables over the harness's own environment: undefined takes one out of that. */
export interface Invocation {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The command line of launch scripts, which is the same for all stacks that have one. */
export function scriptArguments({ memory, vcpus }: LaunchPlan, { ssh, debug }: PortPattern): string[] {
  return ['-m', memory, '-s', String(vcpus), '-p', String(ssh), '-d', String(debug)];
}
