import type { Duplex } from 'node:stream';

import { budgetClock } from '../../host/budget/index.js';
import { check, milliseconds, optional, shape, text, whole } from '../../validate/index.js';
import type { CommandBounds, Guest } from '../command-shell.js';
import { describeCommand, describeOutput } from '../ssh/display.js';
import { GuestCommandError, GuestOutputLimitError, GuestTimeoutError } from '../ssh/errors.js';
import type { CommandResult } from '../ssh/run-command.js';
import { AgentLine, type PausedByCaller } from './agent-line.js';
import { escape } from './escape.js';
import { SerialProcess } from './serial-process.js';

const runOptions = shape<CommandBounds>({
  timeoutMs: optional(milliseconds),
  startTimeoutMs: optional(milliseconds),
  maxOutputBytes: optional(whole(0, Number.MAX_SAFE_INTEGER, 'bytes')),
  stdin: optional(text(/^/, 'text')),
});

/** An interpreted guest on a busy host takes long for little. */
const defaultTimeoutMs = 180_000;
const defaultOutputBytes = 16 << 20;
/** Characters in one message to the agent, whose lines are bounded. */
const stdinPiece = 1_000;

/** Commands and processes of a guest whose only way in is a serial line with the serial agent (images/ept/agent) at its other end. */
export class SerialShell implements Guest {
  readonly #title: string;
  readonly #line: AgentLine;

  /** @param pausedByCaller tells what must not wait for the guest; by default nothing */
  constructor(title: string, stream: Duplex, pausedByCaller?: PausedByCaller) {
    this.#title = title;
    this.#line = new AgentLine(title, stream, pausedByCaller);
  }

  /** Resolves when the agent answers; rejects when the line ends before. */
  get ready(): Promise<void> {
    return this.#line.ready;
  }

  /**
   * Runs a program with exactly these arguments and waits for its end; its exit code is for the caller to judge.
   *
   * @throws GuestPausedError it was called inside the pause of a debugger
   * @throws GuestTimeoutError it did not end in time, and was killed
   * @throws GuestOutputLimitError it wrote more than 16 MiB, and was killed
   */
  async run(argv: readonly string[], options: CommandBounds = {}): Promise<CommandResult<string>> {
    check(`${this.#title}: guest command`, 'options', runOptions, options);
    const { timeoutMs = defaultTimeoutMs, maxOutputBytes = defaultOutputBytes, stdin = '' } = options;
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let bytes = 0;
    let cancel: (() => void) | undefined;
    const textOf = (parts: readonly Buffer[]): string => Buffer.concat(parts).toString('utf8');
    try {
      const exitCode = await new Promise<number>((resolve, reject) => {
        const kill = (): void => {
          this.#line.send('kill', id);
        };
        const keep = (parts: Buffer[]) => (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= maxOutputBytes) {
            parts.push(chunk);
            return;
          }
          kill();
          reject(
            new GuestOutputLimitError(
              `${this.#name(argv)}: wrote more than ${maxOutputBytes} bytes. Raise maxOutputBytes, or let the command write less.`,
            ),
          );
        };
        const id = this.#line.open({
          out: keep(stdout),
          err: keep(stderr),
          ended: (end) => {
            if (typeof end === 'number') resolve(end);
            else reject(end);
          },
        });
        cancel = budgetClock.after(timeoutMs, (note) => {
          kill();
          const written = describeOutput(Buffer.concat(stdout), Buffer.concat(stderr));
          reject(
            new GuestTimeoutError(
              `${this.#name(argv)}: did not end within ${timeoutMs} ms${note}. It had written: ${written}`,
            ),
          );
        });
        this.#line.send('start', id, ...argv.map((argument) => escape(Buffer.from(argument))));
        for (let at = 0; at < stdin.length; at += stdinPiece)
          this.#line.send('in', id, escape(Buffer.from(stdin.slice(at, at + stdinPiece))));
        this.#line.send('eof', id);
      });
      return { exitCode, stdout: textOf(stdout), stderr: textOf(stderr) };
    } finally {
      cancel?.();
    }
  }

  /** Runs a POSIX sh script; `scriptArguments` are its $1, $2, …. */
  shell(
    script: string,
    options?: CommandBounds,
    ...scriptArguments: string[]
  ): Promise<CommandResult<string>> {
    return this.run(['sh', '-c', script, 'sh', ...scriptArguments], options);
  }

  /** Runs a program that must end with 0, and answers its stdout. @throws GuestCommandError */
  async succeed(argv: readonly string[], options?: CommandBounds): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(argv, options);
    if (exitCode === 0) return stdout;
    const output = describeOutput(Buffer.from(stdout), Buffer.from(stderr));
    const message = `${this.#name(argv)}: exit code ${exitCode}, but exit code 0 was expected; ${output}`;
    throw new GuestCommandError(message, describeCommand(argv), exitCode, output);
  }

  /** Starts a program that is spoken to in lines. */
  spawn(argv: readonly string[]): Promise<SerialProcess> {
    return Promise.resolve(new SerialProcess(this.#title, this.#line, argv));
  }

  close(): Promise<void> {
    this.#line.close();
    return Promise.resolve();
  }

  #name(argv: readonly string[]): string {
    return `${this.#title}: guest command: ${describeCommand(argv)}`;
  }
}
