import { budgetClock, within } from '../../host/budget/index.js';
import { answerWithin } from './answer-within.js';
import type { Channel, ChannelEnd } from './channel.js';
import { Connection } from './connection.js';
import { type ConnectionOptions, unreachable } from './connection-options.js';
import { tailOf } from './display.js';
import type { GuestUnreachableError } from './errors.js';
import type { RemoteCommand } from './remote-command.js';
import { startCommand } from './session-start.js';

const MAX_START_ATTEMPTS = 5;
/** A channel sees the end of its connection a little earlier than the connection does. */
const CONNECTION_END_GRACE_MS = 50;

/** What was never opened wrote nothing. */
const nothing: Buffer = Buffer.alloc(0);
const notOpened: ChannelEnd = { exitCode: undefined, description: 'the server closed the channel at once' };

/** A command that was started over a shared connection. */
export interface Session {
  readonly channel: Channel;
  /** The error of a session that ended without its command's exit code. */
  lost(end: ChannelEnd, stderr: Buffer): Promise<GuestUnreachableError>;
}

/**
 * The ssh connections to a guest. Commands that follow each other share one; a command that starts while another one runs
 * takes an idle connection, or a new one.
 *
 * One command at a time for each connection, because dropbear 2022.83 cannot open a channel safely while a child of the
 * same connection ends: it closes the new one without a word, or ends the connection with an assertion
 * (https://github.com/mkj/dropbear/issues/321, mended in 2024.86); and OpenSSH's server takes 10 sessions at most.
 * Connections are made one after the other, because dropbear takes 5 of an address before login.
 */
export class SshConnections {
  readonly options: ConnectionOptions;
  readonly #idle: Connection[] = [];
  readonly #all = new Set<Connection>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: ConnectionOptions) {
    this.options = options;
  }

  /** Makes a connection, if none stands idle. */
  async open(): Promise<void> {
    this.#release(await this.#acquire(budgetClock.now() + this.options.connectTimeoutMs), true);
  }

  /**
   * Starts a command. A channel that ends before the command was told to start is replaced, over a new connection: the
   * command runs once or not at all.
   *
   * @param timeoutMs for all until the command is told to start.
   * @throws {GuestUnreachableError} the command was not started.
   */
  async startSession(remote: RemoteCommand, timeoutMs = this.options.connectTimeoutMs): Promise<Session> {
    const deadline = budgetClock.now() + timeoutMs;
    const left = (): number => deadline - budgetClock.now();
    for (let attempt = 1; ; attempt++) {
      const connection = await this.#acquire(deadline);
      const channel = await this.#open(connection, remote, left());
      if (channel === 'timeout') throw this.#late('no channel', timeoutMs);
      if (channel === undefined) {
        if (attempt === MAX_START_ATTEMPTS) throw await this.#lost(connection, notOpened);
        continue;
      }
      const start = await startCommand(channel, remote, left(), this.options);
      if (start === 'started') {
        return { channel, lost: (end, stderr) => this.#lost(connection, end, stderr) };
      }
      const { end, stderr } = start;
      if (end === undefined) throw this.#late('no shell', timeoutMs, stderr);
      if (end.exitCode !== undefined) {
        throw unreachable(this.options, 'no shell', `ssh: ${end.description}`, tailOf(stderr));
      }
      if (attempt === MAX_START_ATTEMPTS) throw await this.#lost(connection, end, stderr);
    }
  }

  /** Ends all connections, and with them every command's session. Safe to call at any time. */
  async drop(): Promise<void> {
    const connections = [...this.#all];
    for (const connection of connections) this.#release(connection, false);
    await Promise.all(connections.map(({ ended }) => ended));
  }

  /** Opens a channel on a connection, which is released when the channel has ended. */
  async #open(
    connection: Connection,
    remote: RemoteCommand,
    timeoutMs: number,
  ): Promise<Channel | undefined | 'timeout'> {
    let channel: Channel | undefined | 'timeout';
    try {
      channel = await answerWithin(timeoutMs, connection.exec(remote.execRequest), this.options);
    } finally {
      if (!channel || channel === 'timeout') this.#release(connection, false);
    }
    if (channel && channel !== 'timeout') {
      void channel.ended.then((end) => {
        // An end that the guest did not tell in full may have left the channel open on its side.
        this.#release(connection, end.exitCode !== undefined);
      });
    }
    return channel;
  }

  /** An idle connection or a new one, when it is this call's turn. */
  #acquire(deadline: number): Promise<Connection> {
    const turn = this.#queue.then(() => this.#idleOrNew(deadline));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #idleOrNew(deadline: number): Promise<Connection> {
    this.options.signal.throwIfAborted();
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isOpen) return idle;
      this.#all.delete(idle);
    }
    const connection = new Connection(this.options);
    this.#all.add(connection);
    try {
      await connection.loggedIn(deadline - budgetClock.now());
    } catch (error) {
      this.#release(connection, false);
      throw error;
    }
    return connection;
  }

  #release(connection: Connection, reusable: boolean): void {
    if (reusable && this.#all.has(connection)) {
      this.#idle.push(connection);
      return;
    }
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    connection.end();
  }

  #late(what: string, timeoutMs: number, stderr = nothing): GuestUnreachableError {
    const seen = `${what} within ${Math.round(timeoutMs)} ms`;
    return unreachable(this.options, 'no answer in time', seen, tailOf(stderr));
  }

  async #lost(connection: Connection, end: ChannelEnd, stderr = nothing): Promise<GuestUnreachableError> {
    const ended = await within(CONNECTION_END_GRACE_MS, connection.ended);
    const words = ended === 'timeout' ? '' : ended;
    return unreachable(this.options, 'connection lost', `ssh: ${end.description}`, words, tailOf(stderr));
  }
}
