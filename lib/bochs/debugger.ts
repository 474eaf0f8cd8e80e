import type { Readable, Writable } from 'node:stream';

import { budgetClock } from '../host/budget/index.js';
import { RunState } from '../machine/run-state.js';
import type { Transcript } from '../monitor/index.js';
import { DebuggerError } from './errors.js';
import { PromptFramer } from './prompts.js';

export interface DebuggerOptions {
  readonly title: string;
  /** Takes in all that is said, except the machine's own running and stopping. */
  readonly transcript?: Transcript;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Sends Bochs a SIGINT, which stops the machine. */
  readonly interrupt: () => void;
  /** How long nothing at all may come while a reply is awaited, in milliseconds. Default: 2 minutes. */
  readonly silenceMs?: number;
}

interface Waiting {
  readonly command: string;
  readonly beganAt: number;
  readonly resolve: (reply: string) => void;
  readonly reject: (error: Error) => void;
}

/** A signal that comes before the machine has started to run is forgotten by Bochs (bx_dbg_continue_command), so it is repeated. */
const interruptEveryMs = 50;
/** Not a limit for a reply: one of a whole scan is long, and a busy host slow. */
const defaultSilenceMs = 120_000;

/**
 * Bochs's own debugger, which speaks on stdin and stdout. The machine either runs, and then nothing can be asked, or stands and
 * answers commands. A new Bochs stands at its first instruction.
 */
export class BochsDebugger {
  readonly #options: DebuggerOptions;
  readonly #framer = new PromptFramer();
  readonly #waiting: Waiting[] = [];
  #ended: DebuggerError | undefined;
  #running = false;
  readonly runState: RunState;
  #stopWatching: () => void = () => undefined;

  private constructor(options: DebuggerOptions) {
    this.#options = options;
    this.runState = new RunState(options.title, {
      stop: async () => {
        const ran = this.#running;
        await this.#interrupt();
        return ran;
      },
      cont: () => {
        this.#continue();
        return Promise.resolve();
      },
    });
    options.stdin.on('error', () => undefined);
    options.stdout.setEncoding('latin1');
    options.stdout.on('data', (chunk: string) => {
      for (const reply of this.#framer.push(chunk)) this.#take(reply);
      this.#watchForSilence();
    });
    options.stdout.once('close', () => {
      const last = this.#framer.partial.slice(-300);
      this.#ended = new DebuggerError(
        `${options.title}: Bochs ended. The last that its debugger wrote: ${JSON.stringify(last)}`,
      );
      for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
      this.#stopWatching();
    });
  }

  /** Waits until a Bochs that was just started answers. @throws DebuggerError */
  static async attach(options: DebuggerOptions): Promise<BochsDebugger> {
    const made = new BochsDebugger(options);
    await made.#reply('(start)');
    return made;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Why nothing is answered any more, once it is so. */
  get ended(): DebuggerError | undefined {
    return this.#ended;
  }

  /** Sends commands to the standing machine, all at once, and answers their replies. @throws DebuggerError */
  async commands(commands: readonly string[]): Promise<string[]> {
    if (this.#running)
      throw new DebuggerError(`${this.#options.title}: a running machine takes no commands.`);
    const replies = commands.map((command) => this.#reply(command));
    this.#options.stdin.write(commands.map((command) => `${command}\n`).join(''));
    return await Promise.all(replies);
  }

  #continue(): void {
    if (this.#running || this.#ended) return;
    this.#running = true;
    this.#options.stdin.write('c\n');
  }

  async #interrupt(): Promise<void> {
    if (!this.#running) return;
    const { interrupt } = this.#options;
    const stopped = this.#reply('(stop)');
    const timer = setInterval(interrupt, interruptEveryMs);
    interrupt();
    try {
      await stopped;
    } finally {
      clearInterval(timer);
    }
    this.#running = false;
  }

  async #reply(command: string): Promise<string> {
    if (this.#ended) throw this.#ended;
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ command, beganAt: performance.now(), resolve, reject });
      this.#watchForSilence();
    });
  }

  /** Counts anew: something was said or asked. Who waits too long is told, and keeps its place, as its reply may still come. */
  #watchForSilence(): void {
    this.#stopWatching();
    if (this.#waiting.length === 0) return;
    const { title, silenceMs = defaultSilenceMs } = this.#options;
    this.#stopWatching = budgetClock.after(silenceMs, (note) => {
      for (const { command, reject } of this.#waiting) {
        reject(
          new DebuggerError(
            `${title}: Bochs's debugger said nothing for ${silenceMs} ms${note}, and "${command}" is not answered. ` +
              `The last that it wrote: ${JSON.stringify(this.#framer.partial.slice(-300))}`,
          ),
        );
      }
    });
  }

  #take(reply: string): void {
    const waiting = this.#waiting.shift();
    if (!waiting) {
      // A machine that stopped by itself: a panic of Bochs's, or a breakpoint of the guest's.
      this.#running = false;
      this.#options.transcript?.record({
        time: new Date(),
        command: '(stopped by itself)',
        reply,
        durationMs: 0,
      });
      return;
    }
    const { command, beganAt, resolve } = waiting;
    this.#options.transcript?.record({
      time: new Date(),
      command,
      reply,
      durationMs: performance.now() - beganAt,
    });
    resolve(reply);
  }
}
