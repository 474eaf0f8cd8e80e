import { check, flag, milliseconds, optional, type Rule, shape, that, whole } from '../../validate/index.js';
import { capture, type Stdin } from './capture.js';
import type { SshConnections } from './connections.js';
import { describeCommand, describeOutput } from './display.js';
import { endRemote } from './end-remote.js';
import { GuestOutputLimitError, GuestTimeoutError } from './errors.js';
import { wrapCommand } from './remote-command.js';

export interface RunOptions {
  /** Empty unless given. A function is called when the command starts: for what must not be older than that. */
  readonly stdin?: Stdin;
  /** For a connection, where there is none yet, and the command's start; the shell's `connectTimeoutMs` unless given. */
  readonly startTimeoutMs?: number;
  /** From when the command was started; 30 s unless given. */
  readonly timeoutMs?: number;
  /** For each of stdout and stderr; 16 MiB unless given. */
  readonly maxOutputBytes?: number;
}

const runOptions: Rule<RunOptions & { readonly binary?: boolean }> = shape({
  stdin: optional(
    that<Stdin>(
      'text, bytes, or a function that gives them',
      (value) => typeof value === 'string' || typeof value === 'function' || value instanceof Uint8Array,
    ),
  ),
  startTimeoutMs: optional(milliseconds),
  timeoutMs: optional(milliseconds),
  maxOutputBytes: optional(whole(0)),
  binary: optional(flag),
});

export const argvRule: Rule<readonly string[]> = that(
  "a list of texts, the program's name first: ['uname', '-r']",
  (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((one) => typeof one === 'string') &&
    value[0] !== '',
);

export interface CommandResult<Output> {
  /** 0 to 255; 128 + n for a command that ended by signal n. */
  readonly exitCode: number;
  readonly stdout: Output;
  readonly stderr: Output;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/**
 * Runs a command in the guest and waits for its end; on its deadline or output cap its processes in the guest are ended.
 *
 * @param description what errors call it.
 */
export async function runCommand(
  connection: SshConnections,
  argv: readonly string[],
  options: RunOptions = {},
  wording?: string,
): Promise<CommandResult<Buffer>> {
  check(`${connection.options.title}: guest command`, 'argv', argvRule, argv);
  const description = wording ?? describeCommand(argv);
  check(`${connection.options.title}: guest command`, 'options', runOptions, options);
  const {
    stdin = '',
    startTimeoutMs,
    timeoutMs = DEFAULT_TIMEOUT_MS,
    maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES,
  } = options;
  const remote = wrapCommand(argv);
  const { end, stdout, stderr } = await capture(connection, remote, {
    ...(startTimeoutMs === undefined ? {} : { startTimeoutMs }),
    stdin,
    timeoutMs,
    maxOutputBytes,
  });
  if (end.kind === 'exited') return { exitCode: end.exitCode, stdout, stderr };

  const { sentence } = await endRemote(connection, remote.token);
  const command = `${connection.options.title}: guest command: ${description}`;
  if (end.kind === 'timeout') {
    const output = describeOutput(stdout, stderr);
    throw new GuestTimeoutError(
      `${command}: did not end within ${Math.ceil(timeoutMs)} ms. ${sentence} It had written: ${output}`,
    );
  }
  throw new GuestOutputLimitError(
    `${command}: wrote more than ${maxOutputBytes} bytes to ${end.stream}. ${sentence} ` +
      'Raise maxOutputBytes, or let the command write less.',
  );
}
