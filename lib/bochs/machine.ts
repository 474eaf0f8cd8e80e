import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Socket } from 'node:net';

import { UndoStack } from '../host/undo-stack.js';
import {
  BootRecord,
  diagnose,
  launcherStarted,
  programAlive,
  TextTail,
  type Whereabouts,
} from '../machine/boot-story/index.js';
import { Console } from '../machine/console/index.js';
import type { LaunchEvidence } from '../machine/launch.js';
import {
  type Machine,
  type MachineMemory,
  MissingPartError,
  type OptionalParts,
  type VcpuRegisters,
} from '../machine/machine.js';
import { OwnedMachine, type OwnedParts } from '../machine/owned-machine.js';
import { createRunFolder, ownProcess, type OwnedProcess } from '../machine/ownership/index.js';
import { commandLineOf } from '../machine/qemu-process.js';
import { forConsole, inOrder, waitUntilReady, type WaitStrategy } from '../machine/wait/index.js';
import { Transcript, type VmStatus } from '../monitor/index.js';
import { BochsMemory } from './bochs-memory.js';
import { bochsrc } from './configuration.js';
import { BochsDebugger } from './debugger.js';
import { program, programArguments } from './program.js';
import { parseRegisters, registerCommands } from './registers.js';
import { listenForSerial } from './serial-listener.js';
import { parseTranslation, translationCommand } from './translation.js';

export interface BochsOptions {
  /** Names the machine in messages: `The EPT machine`. */
  readonly title: string;
  /** Absolute path of the CD that it boots from. */
  readonly cd: string;
  /** Absolute path of what has the symbols of the kernel on it. */
  readonly kernel?: string;
  /** RAM in MiB. Default: 256. */
  readonly memoryMib?: number;
  /** Where the console's output goes, capped. It is the caller's, and outlives the machine. */
  readonly consoleLog: string;
  /** Told of the machine before it is ready: what is evidence if it never is. */
  readonly onStarted?: (evidence: LaunchEvidence) => void;
  /** Names where the vCPU is, for the story of a machine that does not become ready. */
  readonly whereabouts?: Whereabouts;
  /** What makes it ready, beyond a kernel that has begun. */
  readonly until: (machine: BochsMachine) => WaitStrategy;
}

/** The oldest of Bochs's models that has EPT with accessed and dirty flags, execute-only translations and 1 GiB pages is older still. */
const cpuModel = 'corei7_skylake_x';
/** From the first instruction to the kernel's banner: firmware and CD. 4 s on a quiet host. */
const firmwareMs = 300_000;

/** Why Bochs lacks what a machine of QEMU's has, and what there is instead. */
const missing: Readonly<Record<keyof OptionalParts, string>> = {
  monitor:
    "no monitor: paused(), registers() and openMemory() work on every machine, and Bochs's own debugger is `debugger`",
  gdb: 'no gdb stub: it is built with a debugger of its own in place of one, which is `debugger`',
  snapshot: 'no snapshot: its debugger cannot save its state, so that it can be neither restored nor kept',
  ports:
    "no ports, for ssh, a monitor, gdb or a walk: its guest is reached by a serial line, and its debugger by a pipe, which are this process's own",
};

interface BochsParts extends OwnedParts {
  readonly debugger: BochsDebugger;
  readonly agentLine: Socket;
  readonly memoryMib: number;
  readonly kernel: string | undefined;
  readonly undo: UndoStack;
}

/** A PC under Bochs, with a real VMX: one CPU, stopped and looked into by Bochs's debugger, spoken to by two serial lines. */
export class BochsMachine extends OwnedMachine implements Machine {
  readonly program = 'Bochs';
  /** Half a second for a command, where a guest of QEMU's takes 50 ms. */
  readonly pace = 10;
  readonly vcpus = 1;
  readonly debugger: BochsDebugger;
  /** The second serial line. */
  readonly agentLine: Socket;
  readonly pid: number;
  readonly commandLine: readonly string[];
  readonly memory: string;
  readonly kernel: string | undefined;
  readonly #undo: UndoStack;
  readonly #memory: BochsMemory;

  private constructor(parts: BochsParts) {
    const { debugger: bochs, agentLine, process, memoryMib, kernel, undo } = parts;
    super(parts, bochs.runState);
    this.debugger = bochs;
    this.agentLine = agentLine;
    this.pid = process.pid;
    this.commandLine = commandLineOf(process.pid);
    this.memory = `${memoryMib}m`;
    this.kernel = kernel;
    this.#undo = undo;
    this.#memory = new BochsMemory(bochs, memoryMib);
  }

  /**
   * Starts Bochs and waits until the machine is ready. A start that fails has ended all that it began. A panic, or the end of Bochs, ends the
   * wait at once.
   *
   * @throws BootFailure with the stages that were reached and a verdict in one line
   */
  static async start(options: BochsOptions): Promise<BochsMachine> {
    const { title, cd, kernel, memoryMib = 256, consoleLog } = options;
    const undo = new UndoStack();
    const record = new BootRecord();
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
      const stderr = new TextTail();
      const transcript = new Transcript({ prompt: '<bochs>' });
      options.onStarted?.({ program: 'Bochs', console, transcript, stderr, record });
      let process: OwnedProcess | undefined;
      let machine: BochsMachine | undefined;
      try {
        const owned = await ownProcess({
          title,
          command: program,
          args: await programArguments(configuration),
          cwd: folder.path,
          // Its display is a pseudo-terminal that nobody looks at.
          env: { TERM: 'dumb' },
          stdin: 'pipe',
        });
        process = owned;
        undo.defer(() => owned.stop());
        record.reach(launcherStarted);
        stderr.listen(owned.stderr);
        const said = console.attach(owned.stderr);
        const { stdin, stdout } = owned;
        if (!stdin) throw new TypeError('a process with stdin: pipe has no stdin');
        const bochs = await BochsDebugger.attach({
          ...{ title, transcript, stdin, stdout },
          interrupt: () => {
            globalThis.process.kill(owned.pid, 'SIGINT');
          },
        });
        record.reach(programAlive('Bochs'));
        // Both are connected before the first instruction is run.
        const output = Promise.all([said, console.attach(await consoleLine.connection)]);
        machine = new BochsMachine({
          ...{ title, process, debugger: bochs, console, output, runFolder: folder.path, transcript },
          ...{ agentLine: await agentLine.connection, memoryMib, kernel, undo },
        });
        await bochs.runState.cont();
        const kernelBegan = forConsole(/Linux version/, { awaited: 'the kernel', budgetMs: firmwareMs });
        await waitUntilReady(inOrder(kernelBegan, options.until(machine)), {
          ...{ title, console, exited: owned.exited },
          onReached: (stage) => {
            record.reach(stage);
          },
        });
        record.end();
        return machine;
      } catch (error) {
        const { whereabouts } = options;
        throw await diagnose(error, {
          ...{ title, program: 'Bochs', record, console, stderr, process, machine, whereabouts },
        });
      }
    } catch (error) {
      await undo.undo();
      throw error;
    }
  }

  get monitor(): never {
    return this.#lacks('monitor');
  }

  get gdb(): never {
    return this.#lacks('gdb');
  }

  get snapshot(): never {
    return this.#lacks('snapshot');
  }

  get ports(): never {
    return this.#lacks('ports');
  }

  has(): false {
    return false;
  }

  lend<T>(work: () => Promise<T>): Promise<T> {
    return this.runState.betweenLooks('be lent', work);
  }

  status(): Promise<VmStatus> {
    const { running } = this.debugger;
    return Promise.resolve({ running, state: running ? 'running' : 'stopped by its debugger' });
  }

  async registers(): Promise<VcpuRegisters[]> {
    return [parseRegisters(await this.#ask(registerCommands))];
  }

  async registerDump(): Promise<string> {
    return (await this.#ask(registerCommands)).join('\n');
  }

  openMemory(): Promise<MachineMemory> {
    const close = (): void => undefined;
    return Promise.resolve({
      kind: 'debugger',
      memory: this.#memory,
      summary: "Guest memory is read by Bochs's debugger.",
      close,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  }

  /**
   * Bochs's own translation of a linear address, by the tables that the CPU uses at this moment: in VMX non-root mode those of the VM,
   * and the EPT. Sets no accessed flag.
   *
   * @returns the physical address; undefined where there is none
   */
  async translate(linear: bigint): Promise<bigint | undefined> {
    const [reply = ''] = await this.#ask([translationCommand(linear)]);
    return parseTranslation(reply, linear);
  }

  /** Whether the code that asks has the machine standing, so that its guest cannot answer. */
  get pausedByCaller(): boolean {
    return this.runState.pausedByCaller;
  }

  /** Its pipes and lines are closed by its end. */
  protected answers(): Promise<boolean> {
    return Promise.resolve(this.debugger.ended === undefined && !this.agentLine.destroyed);
  }

  protected async end(): Promise<void> {
    await this.#undo.undo();
  }

  /** Answers of the debugger, for which the machine is stopped. */
  #ask(commands: readonly string[]): Promise<string[]> {
    return this.paused(() => this.debugger.commands(commands));
  }

  #lacks(part: keyof OptionalParts): never {
    throw new MissingPartError(`${this.title}: Bochs has ${missing[part]}. Use a stack of QEMU's.`);
  }
}
