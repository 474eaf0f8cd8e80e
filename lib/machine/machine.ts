import { UndoStack } from '../host/undo-stack.js';
import { connectMonitor, type Monitor, type Transcript } from '../monitor/index.js';
import type { Console } from './console/index.js';
import { MachineDiedError } from './errors.js';
import type { OwnedProcess, RunFolder } from './ownership/index.js';
import type { LaunchPlan } from './plan/launch-plan.js';
import type { PortLease, PortPattern } from './ports/index.js';
import { commandLineOf, qemuBelow } from './qemu-process.js';

/** What a started machine, whose monitor answers, is made of; see `launch`, which makes it. */
export interface MachineParts {
  readonly title: string;
  readonly plan: LaunchPlan;
  readonly ports: PortLease;
  readonly folder: RunFolder;
  readonly console: Console;
  /** Resolves when the console has been read to its end. */
  readonly output: Promise<unknown>;
  readonly process: OwnedProcess;
  readonly monitor: Monitor;
  readonly transcript: Transcript;
}

/**
 * A running VM: its process, its console and its monitor. The guest's own services (ssh, the VFIO tool) are clients of it.
 * It ends with `stop()`, and at the latest with the process that started it.
 */
export class Machine {
  readonly title: string;
  readonly plan: LaunchPlan;
  readonly ports: PortPattern;
  /** Private to this machine, removed by `stop()`. */
  readonly runFolder: string;
  readonly console: Console;
  /** Everything that was said over the monitor. */
  readonly transcript: Transcript;
  /** Aborts when QEMU ends without being asked to; its reason is the MachineDiedError. */
  readonly died: AbortSignal;
  /** QEMU's arguments, as the kernel has them. */
  readonly commandLine: readonly string[];
  /** The QEMU process: the launch script's own where the script replaces itself by it, else one below it, which may be root's. */
  readonly pid: number;
  readonly #parts: MachineParts;
  #monitor: Monitor;
  #deathWasTold = false;
  #stopping: Promise<void> | undefined;

  constructor(parts: MachineParts) {
    this.title = parts.title;
    this.plan = parts.plan;
    this.ports = parts.ports;
    this.runFolder = parts.folder.path;
    this.console = parts.console;
    this.#monitor = parts.monitor;
    this.transcript = parts.transcript;
    this.pid = qemuBelow(parts.process.pid, parts.ports.monitor);
    this.commandLine = commandLineOf(this.pid);
    this.#parts = parts;
    const death = new AbortController();
    this.died = death.signal;
    void parts.process.exited.then(async (exit) => {
      if (this.#stopping) return;
      await parts.output;
      const tail = parts.console.tail.map(({ text }) => text);
      death.abort(new MachineDiedError(this.title, 'QEMU', exit, tail, parts.console.logFile));
    });
  }

  /** QEMU's human monitor. It takes one client at a time: see `lendMonitor`. */
  get monitor(): Monitor {
    return this.#monitor;
  }

  /**
   * Leaves the monitor's port to somebody else until `work` is done, then takes it again.
   *
   * @throws MonitorConnectError, MonitorBusyError when it is not given back; the machine's monitor stays closed then
   */
  async lendMonitor<T>(work: () => Promise<T>): Promise<T> {
    await this.#monitor.close();
    const result = await work();
    this.#monitor = await connectMonitor({ port: this.ports.monitor, transcript: this.transcript });
    return result;
  }

  /** Whether somebody who waited for this machine was told that it died. */
  get deathWasTold(): boolean {
    return this.#deathWasTold;
  }

  /**
   * The result of `work`, or a MachineDiedError as soon as QEMU is gone: whatever waits for a machine waits through this.
   * An error of `work` that the death caused (a connection that broke) gives way to the death.
   */
  async guard<T>(work: Promise<T>): Promise<T> {
    const over = new AbortController();
    const death = new Promise<never>((_, reject) => {
      const die = (): void => {
        this.#deathWasTold = true;
        reject(this.died.reason as Error);
      };
      if (this.died.aborted) die();
      this.died.addEventListener('abort', die, { once: true, signal: over.signal });
    });
    try {
      return await Promise.race([death, work]);
    } catch (error) {
      throw await this.#rootCause(error);
    } finally {
      over.abort();
    }
  }

  /**
   * Runs `work` while all vCPUs stand still, so that what it reads belongs together. A VM that was stopped already stays so.
   */
  async paused<T>(work: () => Promise<T>): Promise<T> {
    return await this.guard(
      (async () => {
        const { running } = await this.monitor.infoStatus();
        if (!running) return await work();
        await this.monitor.stop();
        try {
          return await work();
        } finally {
          await this.monitor.cont();
        }
      })(),
    );
  }

  /** Ends the VM: `quit` in the monitor, then signals. Its ports are free and its run folder is gone afterwards. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** A connection breaks a moment before the process is reaped: its error is only a symptom then. */
  async #rootCause(error: unknown): Promise<unknown> {
    const reaped = AbortSignal.timeout(reapMs);
    // A guest's connection may end before anybody hears of QEMU's end: a monitor that answers tells that QEMU lives.
    if (!this.died.aborted && !this.monitor.closed && (await this.#answers(reaped))) return error;
    await new Promise<void>((resolve) => {
      if (this.died.aborted) resolve();
      this.died.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
      reaped.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
    });
    return this.died.aborted ? this.died.reason : error;
  }

  /** False once QEMU is gone; a monitor that is busy for longer than `late` counts as one that answers. */
  async #answers(late: AbortSignal): Promise<boolean> {
    const answer = this.monitor.infoStatus().then(
      () => true,
      () => !this.died.aborted && !this.monitor.closed,
    );
    const timeout = new Promise<true>((resolve) => {
      late.addEventListener('abort', resolve.bind(undefined, true), { once: true });
    });
    return await Promise.race([answer, timeout]);
  }

  async #stop(): Promise<void> {
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

/** How long QEMU may take from closing its sockets to being reaped. */
const reapMs = 1_000;
/** How long QEMU may take to act on `quit`. */
const quitMs = 2_000;
