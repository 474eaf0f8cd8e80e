import { tailOf } from './display.js';
import type { GuestUnreachableError } from './errors.js';
import { type ConnectionOptions, unreachable } from './connection-options.js';
import { loggedIn, startMaster, type Master } from './master.js';
import { CONTROL_SOCKET_PREFIX, sessionArguments } from './options.js';
import type { RemoteCommand } from './remote-command.js';
import { startCommand } from './session-start.js';
import { startSsh, type SshEnd, type SshProcess } from './ssh-process.js';
import { within } from './within.js';

const MAX_START_ATTEMPTS = 5;
/** A session sees the end of its master a little earlier than this process does. */
const MASTER_END_GRACE_MS = 50;

/** A command that was started over a shared connection. */
export interface Session {
  readonly ssh: SshProcess;
  /** The error of a session that ended without its command's exit code. */
  lost(end: SshEnd, stderr: Buffer): Promise<GuestUnreachableError>;
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
  readonly #idle: Master[] = [];
  readonly #all = new Set<Master>();
  #queue: Promise<unknown> = Promise.resolve();
  #made = 0;

  constructor(options: ConnectionOptions) {
    this.options = options;
  }

  /** Makes a connection, if none stands idle. */
  async open(): Promise<void> {
    this.#release(await this.#acquire(performance.now() + this.options.connectTimeoutMs), true);
  }

  /**
   * Starts a command. A channel that ends before the command was told to start is replaced, over a new connection: the
   * command runs once or not at all.
   *
   * @param timeoutMs for all until the command is told to start.
   * @throws {GuestUnreachableError} the command was not started.
   */
  async startSession(remote: RemoteCommand, timeoutMs = this.options.connectTimeoutMs): Promise<Session> {
    const { folder, environment } = this.options;
    const deadline = performance.now() + timeoutMs;
    for (let attempt = 1; ; attempt++) {
      const master = await this.#acquire(deadline);
      const ssh = startSsh(sessionArguments(master.socket, remote.execRequest), {
        folder,
        environment,
        diesWithParent: false,
      });
      void ssh.ended.then((end) => {
        // An end that the guest did not tell in full may have left the channel open on its side.
        this.#release(master, end.exitCode !== undefined && end.exitCode !== 255);
      });
      const start = await startCommand(ssh, remote, deadline - performance.now(), this.options);
      if (start === 'started') return { ssh, lost: (end, stderr) => this.#lost(master, end, stderr) };
      const { end, stderr } = start;
      if (end === undefined) {
        const seen = `no shell within ${Math.round(timeoutMs)} ms`;
        throw unreachable(this.options, 'no answer in time', seen, tailOf(stderr));
      }
      if (end.exitCode !== undefined && end.exitCode !== 255) {
        throw unreachable(this.options, 'no shell', `ssh: ${end.description}`, tailOf(stderr));
      }
      if (attempt === MAX_START_ATTEMPTS) throw await this.#lost(master, end, stderr);
    }
  }

  /** Ends all connections, and with them every command's session. Safe to call at any time. */
  async drop(): Promise<void> {
    const masters = [...this.#all];
    for (const master of masters) this.#release(master, false);
    await Promise.all(masters.map((master) => master.ssh.ended));
  }

  /** An idle connection or a new one, when it is this call's turn. */
  #acquire(deadline: number): Promise<Master> {
    const turn = this.#queue.then(() => this.#idleOrNew(deadline));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #idleOrNew(deadline: number): Promise<Master> {
    this.options.signal.throwIfAborted();
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.ssh.isRunning()) return idle;
      this.#all.delete(idle);
    }
    this.#made += 1;
    const master = startMaster(this.options, `${CONTROL_SOCKET_PREFIX}${this.#made}`);
    this.#all.add(master);
    try {
      await loggedIn(master, this.options, deadline - performance.now());
    } catch (error) {
      this.#release(master, false);
      throw error;
    }
    return master;
  }

  #release(master: Master, reusable: boolean): void {
    if (reusable && this.#all.has(master)) {
      this.#idle.push(master);
      return;
    }
    this.#all.delete(master);
    const at = this.#idle.indexOf(master);
    if (at >= 0) this.#idle.splice(at, 1);
    master.ssh.end();
  }

  async #lost(master: Master, end: SshEnd, sessionStderr: Buffer): Promise<GuestUnreachableError> {
    await within(MASTER_END_GRACE_MS, master.ssh.ended);
    const words = withoutFallback(`${tailOf(sessionStderr)}\n${tailOf(master.stderr.content())}`);
    return unreachable(this.options, 'connection lost', `ssh: ${end.description}`, words);
  }
}

/** Leaves out what ssh says about the connection of its own that a session is not allowed to make (see options.ts). */
function withoutFallback(words: string): string {
  return words
    .split('\n')
    .filter(
      (line) => line !== '' && !/^kex_exchange_identification:|^Connection closed by UNKNOWN/.test(line),
    )
    .join('; ');
}
