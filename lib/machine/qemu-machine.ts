import { heedRunDelayOf } from '../host/budget/index.js';
import { UndoStack } from '../host/undo-stack.js';
import { openPhysicalMemory, type OpenedMemory } from '../memory/index.js';
import { connectMonitor, type CpuRegisters, type Monitor, type VmStatus } from '../monitor/index.js';
import { QemuGdbStub } from './gdb-stub.js';
import type { Machine, WholeSnapshot } from './machine.js';
import { OwnedMachine, type OwnedParts } from './owned-machine.js';
import type { RunFolder } from './ownership/index.js';
import type { LaunchPlan } from './plan/launch-plan.js';
import type { PortLease, PortPattern } from './ports/index.js';
import { commandLineOf, qemuBelow } from './qemu-process.js';
import { RunState } from './run-state.js';
import { saveWhole } from './snapshot/index.js';

/** What a started machine, whose monitor answers, is made of; see `launch`, which makes it. */
export interface QemuParts extends Omit<OwnedParts, 'runFolder'> {
  readonly plan: LaunchPlan;
  readonly ports: PortLease;
  readonly folder: RunFolder;
  readonly monitor: Monitor;
}

/** A VM of QEMU's: its process, its console and its monitor. */
export class QemuMachine extends OwnedMachine implements Machine {
  readonly program = 'QEMU';
  readonly pace = 1;
  readonly plan: LaunchPlan;
  readonly ports: PortPattern;
  readonly commandLine: readonly string[];
  /** The QEMU process: the launch script's own where the script replaces itself by it, else one below it, which may be root's. */
  readonly pid: number;
  readonly gdb: QemuGdbStub;
  readonly #parts: QemuParts;
  #monitor: Monitor;

  constructor(parts: QemuParts) {
    super(
      { ...parts, runFolder: parts.folder.path },
      new RunState(parts.title, {
        stop: async (purpose) => {
          const { client } = this.gdb;
          if (client && purpose === 'wish') {
            await client.interrupt();
            await this.gdb.stopped();
          }
          if (!(await this.status()).running) return false;
          // It may have stopped by itself since it was asked, and the stub has said so.
          if (client && !client.running && !(await this.status()).running) return false;
          if (!client) {
            await this.monitor.setRunning(false);
            return true;
          }
          const ran = await client.suspend();
          if (ran) await this.gdb.stopped();
          return ran;
        },
        cont: async (purpose) => {
          const { client } = this.gdb;
          if (!client) await this.monitor.setRunning(true);
          else if (purpose === 'wish' || client.suspended) await client.resume();
        },
      }),
    );
    this.plan = parts.plan;
    this.ports = parts.ports;
    this.#monitor = parts.monitor;
    this.#monitor.runState = this.runState;
    this.pid = qemuBelow(parts.process.pid, parts.ports.monitor);
    void parts.process.exited.then(heedRunDelayOf(this.pid));
    this.commandLine = commandLineOf(this.pid);
    this.gdb = new QemuGdbStub(this, this.runState);
    this.#parts = parts;
  }

  get memory(): string {
    return this.plan.memory;
  }

  get vcpus(): number {
    return this.plan.vcpus;
  }

  get kernel(): string | undefined {
    return this.plan.kernel;
  }

  get monitor(): Monitor {
    return this.#monitor;
  }

  get snapshot(): WholeSnapshot {
    return { plan: this.plan, save: () => saveWhole(this.monitor, this.runFolder) };
  }

  has(): true {
    return true;
  }

  async lend<T>(work: () => Promise<T>): Promise<T> {
    await this.gdb.makeWay();
    return await this.runState.betweenLooks('be lent', async () => {
      await this.gdb.open();
      await this.#monitor.close();
      const result = await work();
      this.#monitor = await connectMonitor({ port: this.ports.monitor, transcript: this.transcript });
      this.#monitor.runState = this.runState;
      await this.gdb.close();
      return result;
    });
  }

  status(): Promise<VmStatus> {
    return this.monitor.infoStatus();
  }

  override async letRun(): Promise<void> {
    await this.gdb.detach();
    if (!(await this.status()).running) await super.letRun();
  }

  registers(): Promise<CpuRegisters[]> {
    return this.monitor.infoRegisters();
  }

  registerDump(): Promise<string> {
    return this.monitor.command('info registers -a');
  }

  openMemory(): Promise<OpenedMemory> {
    return openPhysicalMemory({ monitor: this.monitor, pid: this.pid });
  }

  protected async answers(late: AbortSignal): Promise<boolean> {
    if (this.monitor.closed) return false;
    const answer = this.status().then(
      () => true,
      () => !this.died.aborted && !this.monitor.closed,
    );
    const timeout = new Promise<true>((resolve) => {
      late.addEventListener('abort', resolve.bind(undefined, true), { once: true });
    });
    return await Promise.race([answer, timeout]);
  }

  /** `quit` in the monitor, then signals. */
  protected async end(): Promise<void> {
    const { process, console, output, folder, ports } = this.#parts;
    const undo = new UndoStack();
    undo.defer(() => ports.release());
    undo.defer(() => folder.remove());
    undo.defer(() => {
      console.close();
    });
    undo.defer(() => output);
    undo.defer(() => this.monitor.close());
    undo.defer(() => process.stop({ graceful: () => this.monitor.quit({ timeoutMs: quitMs }) }));
    await undo.undo();
  }
}

/** How long QEMU may take to act on `quit`. */
const quitMs = 2_000;
