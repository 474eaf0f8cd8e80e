import { AsyncLocalStorage } from 'node:async_hooks';
import type { Readable, Writable } from 'node:stream';

import { Transcript } from '../monitor/index.js';
import { DebuggerError } from './errors.js';
import { PromptFramer } from './prompts.js';

export interface DebuggerOptions {
  readonly title: string;
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
  /** All that was said, except the machine's own running and stopping. */
  readonly transcript = new Transcript({ prompt: '<bochs>' });
  readonly #options: DebuggerOptions;
  readonly #framer = new PromptFramer();
  readonly #waiting: Waiting[] = [];
  #ended: DebuggerError | undefined;
  #running = false;
  /** It was started; it stands only while somebody has it paused. */
  #started = false;
  #pauses = 0;
  /** The pause that the code which asks runs in. */
  readonly #pause = new AsyncLocalStorage<{ over: boolean }>();
  /** Stopping and continuing wait for each other. */
  #turn: Promise<void> = Promise.resolve();
  #silence: NodeJS.Timeout | undefined;

  private constructor(options: DebuggerOptions) {
    this.#options = options;
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
      clearTimeout(this.#silence);
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

  /** Whether the code that asks is inside `paused`: the machine stands until that code is done. */
  get pausedByCaller(): boolean {
    return this.#pause.getStore()?.over === false;
  }

  /** Lets the machine run, unless somebody has it paused: then it runs when the last of them is done. */
  async start(): Promise<void> {
    this.#started = true;
    await this.#inTurn(() => {
      this.#continue();
    });
  }

  /** Runs `work` while the machine stands. May be nested; the machine runs on after the last one, if it ran before. */
  async paused<T>(work: () => Promise<T>): Promise<T> {
    const pause = { over: false };
    this.#pauses += 1;
    try {
      await this.#inTurn(() => this.#interrupt());
      return await this.#pause.run(pause, work);
    } finally {
      pause.over = true;
      this.#pauses -= 1;
      await this.#inTurn(() => {
        this.#continue();
      });
    }
  }

  /** Sends commands to the standing machine, all at once, and answers their replies. @throws DebuggerError */
  async commands(commands: readonly string[]): Promise<string[]> {
    if (this.#running)
      throw new DebuggerError(`${this.#options.title}: a running machine takes no commands.`);
    const replies = commands.map((command) => this.#reply(command));
    this.#options.stdin.write(commands.map((command) => `${command}\n`).join(''));
    return await Promise.all(replies);
  }

  async #inTurn(work: () => Promise<void> | void): Promise<void> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    await mine;
  }

  #continue(): void {
    if (this.#running || this.#ended || !this.#started || this.#pauses > 0) return;
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
    clearTimeout(this.#silence);
    if (this.#waiting.length === 0) return;
    const { title, silenceMs = defaultSilenceMs } = this.#options;
    this.#silence = setTimeout(() => {
      for (const { command, reject } of this.#waiting) {
        reject(
          new DebuggerError(
            `${title}: Bochs's debugger said nothing for ${silenceMs} ms, and "${command}" is not answered. ` +
              `The last that it wrote: ${JSON.stringify(this.#framer.partial.slice(-300))}`,
          ),
        );
      }
    }, silenceMs);
  }

  #take(reply: string): void {
    const waiting = this.#waiting.shift();
    if (!waiting) {
      // A machine that stopped by itself: a panic of Bochs's, or a breakpoint of the guest's.
      this.#running = false;
      this.transcript.record({ time: new Date(), command: '(stopped by itself)', reply, durationMs: 0 });
      return;
    }
    const { command, beganAt, resolve } = waiting;
    this.transcript.record({ time: new Date(), command, reply, durationMs: performance.now() - beganAt });
    resolve(reply);
  }
}
