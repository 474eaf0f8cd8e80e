import { setMaxListeners } from 'node:events';

import { budgetClock } from '../host/budget/index.js';
import type { Transcript } from '../monitor/index.js';
import type { Console } from './console/index.js';
import { MachineDiedError } from './errors.js';
import type { MachineProgram } from './machine.js';
import type { OwnedProcess } from './ownership/index.js';
import type { RunState } from './run-state.js';

/** What every kind of machine is made of. */
export interface OwnedParts {
  readonly title: string;
  readonly console: Console;
  /** Resolves when the console has been read to its end. */
  readonly output: Promise<unknown>;
  readonly process: OwnedProcess;
  readonly transcript: Transcript;
  readonly runFolder: string;
}

/** How long a program may take from closing its sockets to being reaped. */
const reapMs = 1_000;

/** What the kinds of machines have in common: a process of ours, whose death is told, and a run state with one owner. */
export abstract class OwnedMachine implements AsyncDisposable {
  abstract readonly program: MachineProgram;
  readonly title: string;
  readonly console: Console;
  readonly transcript: Transcript;
  readonly runFolder: string;
  readonly died: AbortSignal;
  /** Who may stop it and let it run. */
  protected readonly runState: RunState;
  #deathWasTold = false;
  #stopping: Promise<void> | undefined;

  constructor({ title, console, output, process, transcript, runFolder }: OwnedParts, runState: RunState) {
    this.title = title;
    this.console = console;
    this.transcript = transcript;
    this.runFolder = runFolder;
    this.runState = runState;
    const death = new AbortController();
    this.died = death.signal;
    // As many may wait for it as there are calls under way: no leak.
    setMaxListeners(0, death.signal);
    void process.exited.then(async (exit) => {
      if (this.#stopping) return;
      await output;
      const tail = console.tail.map(({ text }) => text);
      death.abort(new MachineDiedError(title, this.program, exit, tail, console.logFile));
    });
  }

  /** False once the program is gone, as far as can be told within `late`; one that is busy counts as one that answers. */
  protected abstract answers(late: AbortSignal): Promise<boolean>;
  protected abstract end(): Promise<void>;

  get deathWasTold(): boolean {
    return this.#deathWasTold;
  }

  async guard<T>(work: Promise<T>): Promise<T> {
    const over = new AbortController();
    const death = new Promise<never>((_, reject) => {
      this.#onDeath(() => {
        this.#deathWasTold = true;
        reject(this.died.reason as Error);
      }, over.signal);
    });
    try {
      return await Promise.race([death, work]);
    } catch (error) {
      throw await this.#rootCause(error);
    } finally {
      over.abort();
    }
  }

  async paused<T>(work: () => Promise<T>): Promise<T> {
    return await this.guard(this.runState.paused(work));
  }

  async letRun(): Promise<void> {
    await this.runState.cont();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.end();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** A connection breaks a moment before the process is reaped: its error is only a symptom then. */
  async #rootCause(error: unknown): Promise<unknown> {
    const reaped = budgetClock.signal(reapMs);
    // A guest's connection may end before anybody hears of the program's end: one that answers lives.
    if (!this.died.aborted && (await this.answers(reaped))) return error;
    await new Promise<void>((resolve) => {
      this.#onDeath(resolve, reaped);
      reaped.addEventListener('abort', resolve.bind(undefined, undefined), { once: true });
    });
    return this.died.aborted ? this.died.reason : error;
  }

  #onDeath(told: () => void, over: AbortSignal): void {
    if (this.died.aborted) told();
    this.died.addEventListener('abort', told, { once: true, signal: over });
  }
}
