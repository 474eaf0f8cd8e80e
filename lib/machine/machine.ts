import { InfrastructureError } from '../errors.js';
import type { GdbClient, StopReply } from '../gdb/index.js';
import type { OpenedMemory } from '../memory/index.js';
import type { CpuRegisters, Monitor, Transcript, VmStatus } from '../monitor/index.js';
import type { Console } from './console/index.js';
import type { LaunchPlan } from './plan/launch-plan.js';
import type { PortPattern } from './ports/index.js';

/** What runs a machine. */
export type MachineProgram = 'QEMU' | 'Bochs';

/** What not every kind of machine has. */
export interface OptionalParts {
  /** QEMU's human monitor. It takes one client at a time: see `lend`. */
  readonly monitor: Monitor;
  /** A stub for debuggers. */
  readonly gdb: GdbStub;
  /** Its state can be saved whole, and started elsewhere. */
  readonly snapshot: WholeSnapshot;
  /** Where on 127.0.0.1 somebody else reaches it, and its guest. */
  readonly ports: PortPattern;
}

/** A machine's stub for debuggers: it serves one of them. */
export interface GdbStub {
  /**
   * Opens the stub on the machine's debug port and attaches to it: **the machine stands when this resolves.** Looks go on meanwhile, and the
   * debugger does not hear of them.
   */
  attach(): Promise<GdbClient>;
  /** Lets go what `attach` gave: without breakpoints, and running unless the machine stood before. */
  detach(): Promise<void>;
  /**
   * Attaches somebody who is told of writes to memory. The machine runs when this resolves, unless it stood before. A debugger that
   * comes, and whoever borrows the machine, takes the stub away from it.
   */
  watch(watcher: Watcher): Promise<GdbClient>;
  /** Opens the stub for somebody else, who is told the port. */
  open(): Promise<void>;
}

/** Who sets watchpoints, in a look, and is told of the writes there. */
export interface Watcher {
  /** A vCPU stands behind a write, or at another trap, and everything else with it until this resolves. */
  hit(stop: StopReply): Promise<void>;
  /** The machine stands for something else: a vCPU may stand behind a write of which the stub will not tell any more. */
  stopped(): Promise<void>;
  /** The stub is about to go to somebody else; the watchpoints are still set. */
  makeWay(): Promise<void>;
  /** A hit could not be told: the machine ended, or the conversation with it. */
  lost(error: unknown): void;
}

export interface WholeSnapshot {
  readonly plan: LaunchPlan;
  /** Stops the machine for good, and writes its RAM and devices' state to a file in its run folder, which is answered. */
  save(): Promise<string>;
}

/** What is known of a vCPU on any machine. */
export type VcpuRegisters = Pick<
  CpuRegisters,
  'cpu' | 'width' | 'general' | 'rip' | 'cpl' | 'cr0' | 'cr2' | 'cr3' | 'cr4' | 'efer' | 'idt' | 'features'
> & {
  readonly segments: { readonly cs: { readonly selector: number } };
  /** It waits in HLT; undefined where that is not told. */
  readonly halted: boolean | undefined;
};

/** Guest-physical memory, read from outside. */
export type MachineMemory = Pick<OpenedMemory, 'memory' | 'summary' | 'close'> &
  AsyncDisposable & {
    readonly kind: OpenedMemory['kind'] | 'debugger';
  };

/**
 * A running VM, whatever runs it. The guest's own services (a shell, the VFIO tool) are clients of it. It ends with `stop()`, and at the
 * latest with the process that started it.
 *
 * The optional parts throw where this kind of machine has none.
 */
export interface Machine extends OptionalParts, AsyncDisposable {
  readonly title: string;
  readonly program: MachineProgram;
  /** Of the program. */
  readonly pid: number;
  /** The program's arguments, as the kernel has them. */
  readonly commandLine: readonly string[];
  /** RAM as QEMU's -m takes it. */
  readonly memory: string;
  readonly vcpus: number;
  /** Absolute path of the kernel that it boots, or of its System.map; undefined where its launch does not say. */
  readonly kernel: string | undefined;
  /** How many times as long as on QEMU whatever waits for its guest is to wait. */
  readonly pace: number;
  /** Private to this machine, removed by `stop()`. */
  readonly runFolder: string;
  readonly console: Console;
  /** Everything that was said over the monitor, or to the program's own debugger. */
  readonly transcript: Transcript;
  /** Aborts when the program ends without being asked to; its reason is the MachineDiedError. */
  readonly died: AbortSignal;
  /** Whether somebody who waited for this machine was told that it died. */
  readonly deathWasTold: boolean;
  has(part: keyof OptionalParts): boolean;
  /**
   * The result of `work`, or a MachineDiedError as soon as the program is gone: whatever waits for a machine waits through this.
   * An error of `work` that the death caused (a connection that broke) gives way to the death.
   */
  guard<T>(work: Promise<T>): Promise<T>;
  /** Runs `work` while all vCPUs stand still, so that what it reads belongs together. A machine that stood already stays so. */
  paused<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Leaves it to a person until `work` is done: monitor and gdb stub are free, where it has them. Looks wait for it.
   *
   * @throws MonitorConnectError, MonitorBusyError when it is not given back; a monitor stays closed then
   */
  lend<T>(work: () => Promise<T>): Promise<T>;
  /** Whether it runs at this moment, and in the program's own words why not. */
  status(): Promise<VmStatus>;
  /** Lets it run on, after looks that are on, whoever stopped it; a debugger's breakpoints are left behind first. */
  letRun(): Promise<void>;
  /** The registers of every vCPU. On a running machine each vCPU's are from another moment. */
  registers(): Promise<VcpuRegisters[]>;
  /** All registers as the program prints them. */
  registerDump(): Promise<string>;
  /** The fastest way to its memory that there is. */
  openMemory(): Promise<MachineMemory>;
  /** Ends it. Its ports are free and its run folder is gone afterwards. */
  stop(): Promise<void>;
}

/** A kind of machine lacks a part that was asked for. */
export class MissingPartError extends InfrastructureError {
  override readonly name = 'MissingPartError';
}
