import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Socket } from 'node:net';

import { UndoStack } from '../host/undo-stack.js';
import { Console } from '../machine/console/index.js';
import { MachineDiedError } from '../machine/errors.js';
import { createRunFolder, ownProcess, type OwnedProcess } from '../machine/ownership/index.js';
import { forConsole, waitUntilReady, type WaitStrategy } from '../machine/wait/index.js';
import { BochsMemory } from './bochs-memory.js';
import { bochsrc } from './configuration.js';
import { BochsDebugger } from './debugger.js';
import { program } from './program.js';
import { type BochsRegisters, parseRegisters, registerCommands } from './registers.js';
import { listenForSerial } from './serial-listener.js';
import { parseTranslation, translationCommand } from './translation.js';

export interface BochsOptions {
  /** Names the machine in messages: `The EPT machine`. */
  readonly title: string;
  /** Absolute path of the CD that it boots from. */
  readonly cd: string;
  /** RAM in MiB. Default: 256. */
  readonly memoryMib?: number;
  /** Where the console's output goes, capped. It is the caller's, and outlives the machine. */
  readonly consoleLog: string;
}

/** The oldest of Bochs's models that has EPT with accessed and dirty flags, execute-only translations and 1 GiB pages is older still. */
const cpuModel = 'corei7_skylake_x';
/** From the first instruction to the kernel's banner: firmware and CD. 4 s on a quiet host. */
const firmwareMs = 300_000;

interface BochsParts {
  readonly process: OwnedProcess;
  readonly debugger: BochsDebugger;
  readonly console: Console;
  readonly agentLine: Socket;
  readonly memory: BochsMemory;
  readonly undo: UndoStack;
}

/** A PC under Bochs, with a real VMX: one CPU, stopped and looked into by Bochs's debugger, spoken to by two serial lines. */
export class BochsMachine implements AsyncDisposable {
  readonly title: string;
  readonly console: Console;
  readonly debugger: BochsDebugger;
  readonly memory: BochsMemory;
  /** The second serial line. */
  readonly agentLine: Socket;
  /** Aborts when Bochs ends without being asked to; its reason is the MachineDiedError. */
  readonly died: AbortSignal;
  readonly #parts: BochsParts;
  #stopping: Promise<void> | undefined;

  private constructor(title: string, parts: BochsParts) {
    this.title = title;
    this.console = parts.console;
    this.debugger = parts.debugger;
    this.memory = parts.memory;
    this.agentLine = parts.agentLine;
    this.#parts = parts;
    const death = new AbortController();
    this.died = death.signal;
    void parts.process.exited.then((exit) => {
      if (this.#stopping) return;
      const tail = parts.console.tail.map(({ text }) => text);
      death.abort(new MachineDiedError(title, 'Bochs', exit, tail, parts.console.logFile));
    });
  }

  /**
   * Starts Bochs and lets the machine run. It is up to the caller to wait until the guest is ready: see {@link waitFor}. A start that
   * fails has ended all that it began.
   *
   * @throws InfrastructureError of the part that failed
   */
  static async start({ title, cd, memoryMib = 256, consoleLog }: BochsOptions): Promise<BochsMachine> {
    const undo = new UndoStack();
    try {
      const folder = await createRunFolder({ prefix: 'bochs' });
      undo.defer(() => folder.remove());
      const lines = await Promise.all([listenForSerial(), listenForSerial()]);
      for (const line of lines) {
        undo.defer(() => {
          line.close();
        });
      }
      const [consoleLine, agentLine] = lines;
      const configuration = join(folder.path, 'bochsrc');
      await writeFile(
        configuration,
        bochsrc({
          memoryMib,
          cpuModel,
          cd,
          serialPorts: [consoleLine.port, agentLine.port],
          log: join(folder.path, 'bochs.log'),
        }),
      );
      const console = new Console({ logFile: consoleLog });
      undo.defer(() => {
        console.close();
      });
      const process = await ownProcess({
        title,
        command: program,
        args: ['-q', '-f', configuration],
        cwd: folder.path,
        // Its display is a pseudo-terminal that nobody looks at.
        env: { TERM: 'dumb' },
        stdin: 'pipe',
      });
      undo.defer(() => process.stop());
      const { stdin, stdout, stderr } = process;
      if (!stdin) throw new TypeError('a process with stdin: pipe has no stdin');
      void console.attach(stderr);
      const bochs = await BochsDebugger.attach({
        title,
        stdin,
        stdout,
        interrupt: () => {
          globalThis.process.kill(process.pid, 'SIGINT');
        },
      });
      // Both are connected before the first instruction is run.
      void console.attach(await consoleLine.connection);
      const agent = await agentLine.connection;
      const memory = new BochsMemory(bochs, memoryMib);
      await bochs.start();
      return new BochsMachine(title, { process, debugger: bochs, console, agentLine: agent, memory, undo });
    } catch (error) {
      await undo.undo();
      throw error;
    }
  }

  get pid(): number {
    return this.#parts.process.pid;
  }

  /** Waits for the kernel's first words and then for `ready`. A panic, or the end of Bochs, ends the wait at once. */
  async waitFor(ready: WaitStrategy): Promise<void> {
    const subject = { title: this.title, console: this.console, exited: this.#parts.process.exited };
    await waitUntilReady(
      forConsole(/Linux version/, { awaited: 'the kernel', budgetMs: firmwareMs }),
      subject,
    );
    await waitUntilReady(ready, subject);
  }

  /** The CPU's registers at this moment; the machine is stopped for the look. */
  async registers(): Promise<BochsRegisters> {
    return parseRegisters(await this.debugger.paused(() => this.debugger.commands(registerCommands)));
  }

  /**
   * Bochs's own translation of a linear address, by the tables that the CPU uses at this moment: in VMX non-root mode those of the VM,
   * and the EPT. Sets no accessed flag.
   *
   * @returns the physical address; undefined where there is none
   */
  async translate(linear: bigint): Promise<bigint | undefined> {
    const [reply = ''] = await this.debugger.paused(() =>
      this.debugger.commands([translationCommand(linear)]),
    );
    return parseTranslation(reply, linear);
  }

  /** The result of `work`, or a MachineDiedError as soon as Bochs is gone. */
  async guard<T>(work: Promise<T>): Promise<T> {
    const over = new AbortController();
    const death = new Promise<never>((_, reject) => {
      const die = (): void => {
        reject(this.died.reason as Error);
      };
      if (this.died.aborted) die();
      this.died.addEventListener('abort', die, { once: true, signal: over.signal });
    });
    try {
      return await Promise.race([death, work]);
    } finally {
      over.abort();
    }
  }

  /** Ends the machine. */
  stop(): Promise<void> {
    this.#stopping ??= this.#parts.undo.undo();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
