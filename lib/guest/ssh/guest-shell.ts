import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { testEndedHint, InfrastructureError } from '../../errors.js';
import { budgetClock } from '../../host/budget/index.js';
import { SshConnections } from './connections.js';
import { describeCommand, describeOutput } from './display.js';
import { endRemote, type EndedRemote } from './end-remote.js';
import { GuestCommandError, GuestTimeoutError } from './errors.js';
import { download, upload, type DownloadOptions, type UploadOptions } from './files.js';
import { GuestProcess, type SpawnOptions } from './guest-process.js';
import { readIdentityFile } from './identity.js';
import { knownHostKeys } from './known-hosts.js';
import { probe, waitUntilReady, type Reachability } from './readiness.js';
import { runCommand, type CommandResult, type RunOptions } from './run-command.js';

const DEFAULT_CONNECT_TIMEOUT_MS = 20_000;
const POLL_PAUSE_MS = 50;

export interface GuestShellOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Private key, readable by its owner only. */
  readonly identityFile: string;
  /** Names the guest in errors. */
  readonly title: string;
  /** Holds the guest's host key under the name `opentdx-guest`. Without it any host key is accepted. */
  readonly knownHostsFile?: string;
  /** For a connection with login; 20 s unless given. */
  readonly connectTimeoutMs?: number;
  /** Aborted when the guest is gone: pending and later calls are rejected with its reason. */
  readonly signal?: AbortSignal;
  /** See ConnectionOptions. */
  readonly standstill?: () => Promise<string | undefined>;
}

/**
 * Prepares the command channel to a guest. Nothing is connected before the first call that needs it.
 *
 * @throws {IdentityFileError} the key cannot be used.
 * @throws {InfrastructureError} the known-hosts file cannot.
 */
export async function createGuestShell(options: GuestShellOptions): Promise<GuestShell> {
  const { host, port, user, title, knownHostsFile } = options;
  const [identity, hostKeys] = await Promise.all([
    readIdentityFile(options.identityFile),
    knownHostsFile === undefined ? undefined : knownHostKeys(knownHostsFile),
  ]);
  const closing = new AbortController();
  const signal = AbortSignal.any([closing.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  // As many calls may wait on it as there are: no leak.
  setMaxListeners(0, signal);
  const connection = new SshConnections({
    title,
    endpoint: { host, port, user },
    identity,
    hostKeys,
    connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    signal,
    ...(options.standstill === undefined ? {} : { standstill: options.standstill }),
  });
  return new GuestShell(connection, closing);
}

/**
 * Commands, processes and files of a guest, over one shared ssh connection. The guest's login shell must be a POSIX shell,
 * and it needs cat, chmod, cut, dd, grep, mv, rm, stat and wc: busybox has them all.
 *
 * Every call throws GuestUnreachableError when the guest cannot be asked.
 */
export class GuestShell implements AsyncDisposable {
  readonly #connection: SshConnections;
  readonly #closing: AbortController;

  /** Use {@link createGuestShell}. */
  constructor(connection: SshConnections, closing: AbortController) {
    this.#connection = connection;
    this.#closing = closing;
  }

  /**
   * Runs a program with exactly these arguments and waits for its end; its exit code is for the caller to judge.
   *
   * @throws {RangeError} an argument cannot be passed to any program (NUL, half a surrogate pair, 128 KiB or more).
   * @throws {GuestTimeoutError} it did not end in time. It was ended in the guest.
   * @throws {GuestOutputLimitError} it wrote too much. It was ended in the guest.
   */
  run(
    argv: readonly string[],
    options: RunOptions & { readonly binary: true },
  ): Promise<CommandResult<Buffer>>;
  run(argv: readonly string[], options?: RunOptions): Promise<CommandResult<string>>;
  async run(
    argv: readonly string[],
    options: RunOptions & { readonly binary?: boolean } = {},
  ): Promise<CommandResult<string> | CommandResult<Buffer>> {
    const result = await runCommand(this.#connection, argv, options);
    return options.binary === true ? result : asText(result);
  }

  /** Runs a POSIX sh script; `scriptArguments` are its $1, $2, …. */
  shell(script: string, options?: RunOptions, ...scriptArguments: string[]): Promise<CommandResult<string>> {
    return this.run(['sh', '-c', script, 'sh', ...scriptArguments], options);
  }

  /**
   * Runs a program that must end with 0.
   *
   * @returns its stdout.
   * @throws {GuestCommandError} another exit code.
   */
  async succeed(argv: readonly string[], options?: RunOptions): Promise<string> {
    const result = await runCommand(this.#connection, argv, options);
    if (result.exitCode !== 0) throw this.#unexpected(argv, result, 'exit code 0 was expected');
    return asText(result).stdout;
  }

  /**
   * Runs a program that must end with another exit code than 0.
   *
   * @throws {GuestCommandError} it ended with 0.
   */
  async fail(argv: readonly string[], options?: RunOptions): Promise<CommandResult<string>> {
    const result = await runCommand(this.#connection, argv, options);
    if (result.exitCode === 0) throw this.#unexpected(argv, result, 'it was expected to fail');
    return asText(result);
  }

  /**
   * Runs a program again and again until it ends with 0.
   *
   * @param options.deadlineMs for all attempts together; an attempt that still runs then is ended.
   * @returns the stdout of the attempt that succeeded.
   * @throws {GuestTimeoutError} none did in time; with the last one's exit code and output.
   */
  async waitUntilSucceeds(
    argv: readonly string[],
    { deadlineMs, ...options }: Omit<RunOptions, 'timeoutMs'> & { readonly deadlineMs: number },
  ): Promise<string> {
    const end = budgetClock.now() + deadlineMs;
    let last = 'none came to its end';
    for (;;) {
      try {
        const timeoutMs = Math.max(1, end - budgetClock.now());
        const result = await runCommand(this.#connection, argv, { ...options, timeoutMs });
        if (result.exitCode === 0) return asText(result).stdout;
        last = `exit code ${result.exitCode}, ${describeOutput(result.stdout, result.stderr)}`;
        if (budgetClock.now() + POLL_PAUSE_MS < end) {
          await pause(POLL_PAUSE_MS);
          continue;
        }
      } catch (error) {
        if (!(error instanceof GuestTimeoutError)) throw error;
      }
      const command = `${this.#connection.options.title}: guest command: ${describeCommand(argv)}`;
      throw new GuestTimeoutError(
        `${command}: did not succeed within ${deadlineMs} ms. The last attempt: ${last}`,
      );
    }
  }

  /** The same guest over the same connection, with more to ask of it. */
  with<T extends object>(more: T): GuestShell & T {
    return Object.assign(new GuestShell(this.#connection, this.#closing), more);
  }

  /** Starts a program that is spoken to in lines; see {@link GuestProcess}. */
  spawn(argv: readonly string[], options?: SpawnOptions): Promise<GuestProcess> {
    return GuestProcess.start(this.#connection, argv, options);
  }

  /** Brings bytes or a local file into the guest; it appears there complete or not at all. See {@link upload}. */
  upload(source: string | Uint8Array, remotePath: string, options?: UploadOptions): Promise<void> {
    return upload(this.#connection, source, remotePath, options);
  }

  /** Fetches a file's bytes; see {@link download}. */
  download(remotePath: string, options?: DownloadOptions): Promise<Buffer> {
    return download(this.#connection, remotePath, options);
  }

  /** One bounded attempt to have the guest answer; see {@link probe}. */
  probe({ timeoutMs = 5000 }: { readonly timeoutMs?: number } = {}): Promise<Reachability> {
    return probe(this.#connection, timeoutMs);
  }

  /** Waits until the guest answers a command; see {@link waitUntilReady}. */
  waitUntilReady({ deadlineMs }: { readonly deadlineMs: number }): Promise<number> {
    return waitUntilReady(this.#connection, deadlineMs);
  }

  /**
   * Ends every process that a command of a harness left in the guest.
   *
   * @returns whether all are gone, and a sentence that says what is not.
   */
  endStrayProcesses(): Promise<EndedRemote> {
    return endRemote(this.#connection);
  }

  /**
   * Drops all connections and makes a new one: after a restore the guest knows nothing of the old ones. Commands that were
   * started are rejected; a command that was not yet starts over the new connection.
   */
  async reset(): Promise<void> {
    await this.#connection.drop();
    await this.#connection.open();
  }

  /**
   * Ends the connection, with all that runs over it on this side. Pending and later calls are rejected. What runs in the guest is left to itself: see {@link endStrayProcesses}.
   */
  async close(): Promise<void> {
    this.#closing.abort(
      new InfrastructureError(
        `${this.#connection.options.title}: its guest shell was closed. ${testEndedHint}`,
      ),
    );
    await this.#connection.drop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #unexpected(
    argv: readonly string[],
    result: CommandResult<Buffer>,
    expectation: string,
  ): GuestCommandError {
    const command = describeCommand(argv);
    const output = describeOutput(result.stdout, result.stderr);
    const message = `${this.#connection.options.title}: guest command: ${command}: exit code ${result.exitCode}, but ${expectation}; ${output}`;
    return new GuestCommandError(message, command, result.exitCode, output);
  }
}

function asText({ exitCode, stdout, stderr }: CommandResult<Buffer>): CommandResult<string> {
  return { exitCode, stdout: stdout.toString('utf8'), stderr: stderr.toString('utf8') };
}
