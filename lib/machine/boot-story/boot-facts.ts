import type { VmStatus } from '../../monitor/index.js';
import type { MachineProgram } from '../machine.js';
import type { ProcessExit } from '../ownership/exit.js';
import type { NotReadyDetails } from '../wait/index.js';
import type { BootStage } from './boot-record.js';
import type { Stall } from './stalled-error.js';

/** Where a vCPU was when the machine was given up. */
export interface CpuPlace {
  readonly cpu: number;
  /** `do_idle+0x1a`, `user mode at 0x401000`, or the bare address. */
  readonly place: string;
  readonly halted: boolean | undefined;
}

/** Something that was asked for, or why it could not be had. */
export type Known<T> = { readonly value: T } | { readonly unknown: string };

/** All that is known of a machine that did not become ready. */
export interface BootFacts {
  /** Begins sentences: `The reference machine`. */
  readonly title: string;
  readonly program: MachineProgram;
  readonly stages: readonly BootStage[];
  readonly elapsedMs: number;
  /** What was awaited when it ended; undefined when it never came to that. */
  readonly details: NotReadyDetails | undefined;
  /** The error that ended it, in words. */
  readonly problem: string;
  readonly stall: Stall | undefined;
  readonly exit: ProcessExit | undefined;
  /** QEMU's and the launcher's own last messages. */
  readonly stderr: readonly string[];
  readonly consoleTail: readonly string[];
  readonly monitorPort: number | undefined;
  readonly status: Known<VmStatus>;
  readonly cpus: Known<readonly CpuPlace[]>;
  /** `info registers -a`. */
  readonly registers: Known<string>;
  /** What a connection to the forwarded ssh port met: `closed without a banner`; asked only when ssh was awaited. */
  readonly ssh: string | undefined;
  /** What was found wrong with the host's side of it, such as a full disk. */
  readonly host: readonly string[];
}
