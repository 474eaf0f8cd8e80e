import { budgetClock } from '../../host/budget/index.js';
import { describeCommand, tailOf } from '../ssh/display.js';
import { GuestProcessEndedError, GuestTimeoutError } from '../ssh/errors.js';
import type { ProcessEnd } from '../ssh/guest-process.js';
import { LineFramer } from '../ssh/line-framer.js';
import type { AgentLine } from './agent-line.js';
import { escape } from './escape.js';

const maxLineBytes = 1 << 20;
const stderrTailBytes = 64 << 10;

/** A long-lived process in the guest that is spoken to in lines, over a serial line. */
export class SerialProcess implements AsyncDisposable {
  /** Settles with the process; rejects when the line ends first. */
  readonly exited: Promise<ProcessEnd>;
  readonly #name: string;
  readonly #line: AgentLine;
  readonly #id: number;
  readonly #framer = new LineFramer(maxLineBytes);
  readonly #lines: string[] = [];
  #waiting: (() => void) | undefined;
  #stderr = Buffer.alloc(0);
  #over = false;

  constructor(title: string, line: AgentLine, argv: readonly string[]) {
    this.#name = `${title}: guest process: ${describeCommand(argv)}`;
    this.#line = line;
    let settle!: { resolve: (end: ProcessEnd) => void; reject: (error: Error) => void };
    this.exited = new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.exited.catch(() => undefined);
    this.#id = line.open({
      out: (bytes) => {
        this.#lines.push(...this.#framer.push(bytes));
        this.#waiting?.();
      },
      err: (bytes) => {
        this.#stderr = Buffer.concat([this.#stderr, bytes]).subarray(-stderrTailBytes);
      },
      ended: (end) => {
        const rest = this.#framer.end();
        if (rest !== undefined) this.#lines.push(rest);
        this.#over = true;
        if (typeof end === 'number') settle.resolve({ exitCode: end, stderr: this.#stderr.toString('utf8') });
        else settle.reject(end);
        this.#waiting?.();
      },
    });
    line.send('start', this.#id, ...argv.map((argument) => escape(Buffer.from(argument))));
  }

  /** @throws RangeError the text holds a newline. @throws GuestProcessEndedError. @throws GuestPausedError */
  async writeLine(text: string): Promise<void> {
    if (text.includes('\n')) throw new RangeError('A line that is sent to a guest process holds a newline.');
    if (this.#over) throw await this.#endedError();
    this.#line.mustRun();
    this.#line.send('in', this.#id, escape(Buffer.from(`${text}\n`)));
  }

  /**
   * The next line, without its newline. One reader at a time.
   *
   * @throws GuestTimeoutError none came in time; a line that comes later is what the next call gets
   * @throws GuestProcessEndedError
   * @throws GuestPausedError none is there, and none can come
   */
  async readLine({ timeoutMs }: { readonly timeoutMs: number }): Promise<string> {
    const deadline = budgetClock.now() + timeoutMs;
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return line;
      if (this.#over) throw await this.#endedError();
      this.#line.mustRun();
      const left = deadline - budgetClock.now();
      if (left <= 0) {
        throw new GuestTimeoutError(
          `${this.#name}: no line within ${timeoutMs} ms. Last of stderr: ${tailOf(this.#stderr) || 'nothing'}`,
        );
      }
      await this.#news(left);
    }
  }

  /** All lines to come, until the process ends. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) yield line;
      else if (this.#over) return;
      else await this.#news();
    }
  }

  /** Tells the process that no more input comes. */
  closeStdin(): void {
    this.#line.send('eof', this.#id);
  }

  /** Ends the process and all that it started (SIGKILL), and waits until they are gone. @throws GuestPausedError */
  async kill(): Promise<void> {
    this.#line.mustRun();
    this.#line.send('kill', this.#id);
    await this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) await this.kill();
  }

  async #news(withinMs?: number): Promise<void> {
    let cancel: (() => void) | undefined;
    await new Promise<void>((resolve) => {
      this.#waiting = resolve;
      if (withinMs !== undefined)
        cancel = budgetClock.after(withinMs, () => {
          resolve();
        });
    });
    cancel?.();
    this.#waiting = undefined;
  }

  /** @throws why the line ended, if that is why */
  async #endedError(): Promise<GuestProcessEndedError> {
    const { exitCode } = await this.exited;
    const stderr = tailOf(this.#stderr) || 'nothing';
    return new GuestProcessEndedError(
      `${this.#name}: it ended (exit code ${exitCode}). Last of stderr: ${stderr}`,
    );
  }
}
