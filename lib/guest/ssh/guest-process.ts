import { once } from 'node:events';
import { constants } from 'node:os';
import { PassThrough } from 'node:stream';

import { within } from '../../host/budget/index.js';
import { argvRule } from './run-command.js';
import { check, optional, type Rule, shape, whole } from '../../validate/index.js';
import { answerWithin } from './answer-within.js';
import { OutputTail } from './bounded-output.js';
import type { Channel } from './channel.js';
import type { Session, SshConnections } from './connections.js';
import { describeCommand, tailOf } from './display.js';
import { endRemote, type EndedRemote } from './end-remote.js';
import {
  GuestOutputLimitError,
  GuestProcessEndedError,
  GuestTimeoutError,
  GuestUnreachableError,
} from './errors.js';
import { LineFramer, LineTooLongError } from './line-framer.js';
import { wrapCommand, type RemoteCommand } from './remote-command.js';

const STDERR_TAIL_BYTES = 64 * 1024;
/** How long the exit code of a process that closed its stdin is awaited, for the error that says so. */
const EXIT_GRACE_MS = 1000;

export interface SpawnOptions {
  /** Longest line that the process may write, in bytes; 1 MiB unless given. A longer one ends the process. */
  readonly maxLineBytes?: number;
}

const spawnOptions: Rule<SpawnOptions> = shape<SpawnOptions>({ maxLineBytes: optional(whole(1)) });

export interface ProcessEnd {
  /** 0 to 255; 128 + n after signal n. */
  readonly exitCode: number;
  /** The last 64 KiB. */
  readonly stderr: string;
}

/** A long-lived process in the guest that is spoken to in lines. Unread lines stay in the guest: nothing piles up here. */
export class GuestProcess implements AsyncDisposable {
  /** Settles with the process. Rejects if the connection ends first (GuestUnreachableError) or the guest is gone. */
  readonly exited: Promise<ProcessEnd>;
  readonly #connection: SshConnections;
  readonly #session: Session;
  readonly #channel: Channel;
  readonly #remote: RemoteCommand;
  readonly #name: string;
  /** Can be cut, which a channel's own stream cannot. */
  readonly #stdout = new PassThrough();
  #killed = false;
  readonly #stderr = new OutputTail(STDERR_TAIL_BYTES);
  readonly #stderrEnded: Promise<unknown>;
  readonly #lines: AsyncGenerator<string, void>;
  /** Reads whose callers ran out of time: the next reads take these first, so that no line is lost. */
  readonly #overdue: Promise<IteratorResult<string, void>>[] = [];

  /** Starts `argv` in the guest. */
  static async start(
    connection: SshConnections,
    argv: readonly string[],
    options: SpawnOptions = {},
  ): Promise<GuestProcess> {
    check(`${connection.options.title}: guest process`, 'argv', argvRule, argv);
    check(`${connection.options.title}: guest process`, 'options', spawnOptions, options);
    const remote = wrapCommand(argv);
    const session = await connection.startSession(remote);
    const name = `${connection.options.title}: guest process: ${describeCommand(argv)}`;
    return new GuestProcess(connection, session, remote, name, options.maxLineBytes ?? 1024 * 1024);
  }

  private constructor(
    connection: SshConnections,
    session: Session,
    remote: RemoteCommand,
    name: string,
    maxLineBytes: number,
  ) {
    this.#connection = connection;
    this.#session = session;
    const { channel } = session;
    this.#channel = channel;
    this.#remote = remote;
    this.#name = name;
    channel.stderr
      .on('data', (chunk: Buffer) => {
        this.#stderr.add(chunk);
      })
      .resume();
    this.#stderrEnded = Promise.race([
      new Promise((resolve) => channel.stderr.once('end', resolve)),
      channel.ended,
    ]);
    channel.stdout.pipe(this.#stdout);
    this.#lines = this.#read(maxLineBytes);
    this.exited = this.#watch();
    // Whoever awaits it sees the rejection; that nobody does is no error.
    this.exited.catch(() => undefined);
  }

  /**
   * Sends one line; resolves when there is room for more.
   *
   * @throws {RangeError} the text holds a newline.
   * @throws {GuestProcessEndedError} the process has ended or closed its stdin.
   */
  async writeLine(line: string): Promise<void> {
    if (line.includes('\n')) throw new RangeError('A line that is sent to a guest process holds a newline.');
    const { stdin } = this.#channel;
    if (stdin.writable) {
      if (stdin.write(`${line}\n`)) return;
      const drained = await Promise.race([
        once(stdin, 'drain').then(() => true),
        once(stdin, 'close'),
        this.exited,
      ]);
      if (drained === true) return;
    }
    throw await this.#endedError('its stdin is closed', EXIT_GRACE_MS);
  }

  /**
   * The next line, without its newline.
   *
   * @throws {GuestTimeoutError} none came in time; a line that comes later is what the next call gets.
   * @throws {GuestProcessEndedError} the process ended or closed its stdout.
   * @throws {GuestOutputLimitError} the line is too long; the process was ended.
   * @throws {GuestUnreachableError} the connection ended.
   */
  async readLine({ timeoutMs }: { timeoutMs: number }): Promise<string> {
    const next = this.#overdue.shift() ?? this.#lines.next();
    const isOverdue = (): void => {
      next.catch(() => undefined);
      this.#overdue.unshift(next);
    };
    const result = await answerWithin(timeoutMs, next, this.#connection.options).catch((error: unknown) => {
      if (error instanceof GuestUnreachableError && error.reason === 'VM stopped') isOverdue();
      throw error;
    });
    if (result === 'timeout') {
      isOverdue();
      const stderr = tailOf(this.#stderr.content());
      throw new GuestTimeoutError(
        `${this.#name}: no line within ${timeoutMs} ms. Last of stderr: ${stderr || 'nothing'}`,
      );
    }
    if (result.done === true) throw await this.#endedError('it closed its stdout', timeoutMs);
    return result.value;
  }

  /** All lines to come. Ends with the process's stdout, whatever its exit code: see {@link exited}. */
  [Symbol.asyncIterator](): AsyncIterator<string, void> {
    return { next: async () => this.#overdue.shift() ?? this.#lines.next() };
  }

  /** Tells the process that no more lines come. */
  closeStdin(): void {
    this.#channel.stdin.end();
  }

  /** Ends the process and all that it started (SIGKILL), and says whether they are gone from the guest. */
  async kill(): Promise<EndedRemote> {
    this.#killed = true;
    const result = await endRemote(this.#connection, this.#remote.token);
    this.#leave();
    return result;
  }

  /** Ends it if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async *#read(maxLineBytes: number): AsyncGenerator<string, void> {
    const framer = new LineFramer(maxLineBytes);
    try {
      for await (const chunk of this.#stdout) yield* framer.push(chunk as Buffer);
      const rest = framer.end();
      if (rest !== undefined) yield rest;
    } catch (error) {
      if (error instanceof LineTooLongError) {
        const { sentence } = await this.kill();
        throw new GuestOutputLimitError(`${this.#name}: wrote ${error.message}. ${sentence}`);
      }
      // The stream was cut, by kill() or with the connection: the end of the process says which.
      await this.exited;
      if (!this.#killed) throw error;
    }
  }

  async #watch(): Promise<ProcessEnd> {
    const { signal } = this.#connection.options;
    const onAbort = (): void => {
      this.#leave();
    };
    signal.addEventListener('abort', onAbort);
    const end = await this.#channel.exited;
    signal.removeEventListener('abort', onAbort);
    signal.throwIfAborted();
    if (this.#killed)
      return { exitCode: 128 + constants.signals.SIGKILL, stderr: this.#stderr.content().toString('utf8') };
    if (end.exitCode === undefined) throw await this.#session.lost(end, this.#stderr.content());
    await this.#stderrEnded;
    return { exitCode: end.exitCode, stderr: this.#stderr.content().toString('utf8') };
  }

  #leave(): void {
    this.#channel.leave();
    this.#stdout.destroy();
  }

  async #endedError(what: string, waitMs: number): Promise<GuestProcessEndedError | GuestUnreachableError> {
    const end = await within(waitMs, this.exited);
    const how = end === 'timeout' ? 'it still runs' : `exit code ${end.exitCode}`;
    const stderr = tailOf(this.#stderr.content());
    return new GuestProcessEndedError(
      `${this.#name}: ${what} (${how}). Last of stderr: ${stderr || 'nothing'}`,
    );
  }
}
