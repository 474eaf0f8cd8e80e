import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { encodeCommand } from './command-line.js';
import { testEndedHint } from '../errors.js';
import { budgetClock } from '../host/budget/index.js';
import { excerpt, MonitorClosedError, MonitorTimeoutError } from './errors.js';
import { ReplyFramer, typed } from './framing.js';
import type { TelnetFilter } from './telnet.js';
import type { Transcript } from './transcript.js';

export interface CommandOptions {
  /** The command's deadline in ms, from the moment at which it is its turn. */
  readonly timeoutMs?: number;
  /** The bound of its reply in bytes. */
  readonly maxReplyBytes?: number;
}

export interface HmpClientOptions {
  /** For messages: `127.0.0.1:1334`. */
  readonly where: string;
  readonly timeoutMs: number;
  readonly maxReplyBytes: number;
  readonly transcript: Transcript | undefined;
}

interface Pending {
  readonly command: string;
  readonly encoded: string;
  readonly timeoutMs: number;
  readonly maxReplyBytes: number;
  readonly resolve: (reply: string) => void;
  readonly reject: (error: Error) => void;
}

/** A batch is typed at once; its replies come one by one. */
type Batch = Pending[];

/**
 * One conversation with a monitor, over a socket that has already given its greeting.
 *
 * Commands of one batch are pipelined; batches wait for each other, so that what is asked after a failure is never typed.
 * Any failure of the conversation itself (deadline, bound, lost connection) closes the client for good: a stream in which the
 * end of a reply was not seen cannot be trusted. Replies in which QEMU refuses a command are replies like any other here.
 */
export class HmpClient {
  readonly #socket: Socket;
  readonly #telnet: TelnetFilter;
  readonly #options: HmpClientOptions;
  readonly #framer = new ReplyFramer();
  readonly #waiting: Batch[] = [];
  /** Typed and not yet answered, oldest first. */
  #typed: Pending[] = [];
  #startedAt = 0;
  #stopWatching: () => void = () => undefined;
  #closed: MonitorClosedError | undefined;
  readonly #ended: Promise<void>;
  /** Over TCP, a chunk is acknowledged with a byte of our own: see #receive. */
  readonly #acknowledges: boolean;

  /** @param telnet what has filtered the greeting: its answers are due now */
  constructor(socket: Socket, telnet: TelnetFilter, options: HmpClientOptions) {
    this.#socket = socket;
    this.#telnet = telnet;
    this.#options = options;
    this.#acknowledges = socket.remotePort !== undefined;
    this.#ended = new Promise((resolve) => socket.once('close', resolve));
    socket.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    socket.on('error', (error) => {
      this.#lost(`the connection broke: ${error.message}`, error);
    });
    socket.on('end', () => {
      this.#lost('QEMU closed the connection (it exited, crashed, or was told to quit)');
    });
    socket.on('close', () => {
      this.#lost('the connection was closed');
    });
    this.#answerTelnet();
    socket.resume();
  }

  /** Undefined while the client works; afterwards the error that later commands are rejected with. */
  get closed(): MonitorClosedError | undefined {
    return this.#closed;
  }

  async command(command: string, options: CommandOptions = {}): Promise<string> {
    const [reply] = await this.commands([command], options);
    return reply ?? '';
  }

  /**
   * Types several commands at once and waits for all replies: one round trip instead of many.
   * If the conversation fails, none of the replies is given; all commands may or may not have been executed.
   */
  async commands(commands: readonly string[], options: CommandOptions = {}): Promise<string[]> {
    const encoded = commands.map(encodeCommand);
    if (this.#closed !== undefined) throw this.#refusal(this.#closed);
    const batch: Batch = [];
    const replies = commands.map(
      (command, index) =>
        new Promise<string>((resolve, reject) => {
          batch.push({
            command,
            encoded: encoded[index] ?? '',
            timeoutMs: options.timeoutMs ?? this.#options.timeoutMs,
            maxReplyBytes: options.maxReplyBytes ?? this.#options.maxReplyBytes,
            resolve,
            reject,
          });
        }),
    );
    if (batch.length > 0) this.#waiting.push(batch);
    if (this.#typed.length === 0) this.#typeNextBatch();
    return Promise.all(replies);
  }

  /** Ends the conversation and rejects what is pending. Resolves when the socket is closed, which frees the monitor. */
  async close(): Promise<void> {
    const message = `The monitor client for ${this.#options.where} was closed. ${testEndedHint}`;
    this.#fail(new MonitorClosedError(message, false));
    await this.#ended;
  }

  #typeNextBatch(): void {
    const batch = this.#waiting.shift();
    if (batch === undefined) return;
    this.#typed = batch;
    let keys = '';
    for (const { encoded, maxReplyBytes } of batch) {
      const mark = String.fromCharCode(randomInt(97, 123));
      this.#framer.expect(encoded, mark, maxReplyBytes);
      keys += typed(encoded, mark);
    }
    this.#socket.write(keys, 'latin1');
    this.#watchFirst();
  }

  #watchFirst(): void {
    this.#stopWatching();
    const [first] = this.#typed;
    if (first === undefined) return;
    this.#startedAt = performance.now();
    this.#stopWatching = budgetClock.after(first.timeoutMs, (note) => {
      this.#expire(first, note);
    });
  }

  #receive(chunk: Buffer): void {
    if (this.#closed !== undefined) return;
    try {
      const plain = this.#telnet.push(chunk).toString('latin1');
      this.#answerTelnet();
      for (const { kind, text } of this.#framer.push(plain)) {
        if (kind === 'reply') this.#answer(decode(text));
        else this.#record('(unsolicited)', decode(text), 0);
      }
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    // QEMU does not set TCP_NODELAY: it holds its next small write back until the last one is acknowledged, which our kernel
    // delays by 40 ms unless there is something to send. So something is sent: a NUL, which readline ignores and echoes not.
    if (this.#acknowledges && this.#typed.length > 0) this.#socket.write('\0');
  }

  #answerTelnet(): void {
    const answers = this.#telnet.takeAnswers();
    if (answers.length > 0) this.#socket.write(answers);
  }

  #answer(reply: string): void {
    const answered = this.#typed.shift();
    if (answered === undefined) return;
    this.#record(answered.command, reply, performance.now() - this.#startedAt);
    this.#watchFirst();
    answered.resolve(reply);
    if (this.#typed.length === 0) this.#typeNextBatch();
  }

  #expire(pending: Pending, note: string): void {
    const partial = decode(this.#framer.partial);
    this.#fail(
      new MonitorTimeoutError(
        `The monitor at ${this.#options.where} did not finish "${pending.command}" within ${String(pending.timeoutMs)} ms${note} ` +
          `(so far: ${excerpt(partial.slice(-120))}). The connection is given up; connect anew once QEMU answers.`,
        pending.command,
        pending.timeoutMs,
      ),
    );
  }

  #lost(what: string, cause?: Error): void {
    const [pending] = this.#typed;
    const during = pending === undefined ? '' : ` while "${pending.command}" was pending`;
    this.#fail(
      new MonitorClosedError(
        `The monitor closed the connection: ${this.#options.where}${during}: ${what}.`,
        true,
        cause === undefined ? undefined : { cause },
      ),
    );
  }

  /** Ends the conversation: the command that is under way gets the reason, those behind it that the client is closed. */
  #fail(reason: Error): void {
    if (this.#closed !== undefined) return;
    this.#stopWatching();
    this.#closed =
      reason instanceof MonitorClosedError
        ? reason
        : new MonitorClosedError(`The monitor client is closed: ${reason.message}`, false, { cause: reason });
    this.#socket.destroy();
    const [current, ...behind] = [...this.#typed, ...this.#waiting.flat()];
    this.#typed = [];
    this.#waiting.length = 0;
    if (current !== undefined) {
      this.#record(
        current.command,
        decode(this.#framer.partial),
        performance.now() - this.#startedAt,
        reason.message,
      );
      current.reject(reason);
    }
    for (const { reject } of behind) reject(this.#refusal(this.#closed));
  }

  /** A fresh error for each caller, so that its stack is the caller's. */
  #refusal(closed: MonitorClosedError): MonitorClosedError {
    return new MonitorClosedError(closed.message, closed.byPeer, { cause: closed });
  }

  #record(command: string, reply: string, durationMs: number, failure?: string): void {
    const time = new Date(Date.now() - durationMs);
    this.#options.transcript?.record({
      time,
      command,
      reply,
      durationMs,
      ...(failure === undefined ? {} : { failure }),
    });
  }
}

/** Bytes to text; a terminal's line ends to plain ones. */
function decode(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8').replaceAll('\r\n', '\n');
}
