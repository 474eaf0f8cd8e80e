import { randomBytes } from 'node:crypto';
import { commandLine } from './quote.js';

/**
 * The longest command that goes into ssh's exec request. Dropbear 2022.83 ends the whole connection, with all that runs
 * over it, at about 9000 bytes (MAX_CMD_LEN); a longer one travels over stdin.
 */
const MAX_EXEC_REQUEST_BYTES = 4096;

/** Marks every process of a command in its environment (and its shell in its command line), so that it can be found. */
export const RUN_VARIABLE = 'OPENTDX_E2E_RUN';

export interface RemoteCommand {
  /** What the guest's login shell is given. */
  readonly execRequest: string;
  /** The shell writes this to stdout when it is there, and then waits for {@link go}. */
  readonly readyMark: Buffer;
  /** What has it start the command: sent before the user's stdin. */
  readonly go: Buffer;
  /** The value of {@link RUN_VARIABLE}. */
  readonly token: string;
}

/**
 * Wraps a program and its arguments for the guest's login shell, which must be a POSIX shell (dash, bash, busybox).
 *
 * The shell waits for a line before it starts the command, so that a channel that is closed too early has not started
 * it: dropbear 2022.83 closes a new channel without a word if a child of the same connection ends before the exec
 * request is served (mended in 2024.86, https://github.com/mkj/dropbear/pull/326).
 *
 * It stays as the command's parent, so that a command that dies of a signal is reported as 128 + n: dropbear says nothing of a
 * child of its own that died of one without a name in RFC 4254, section 6.10, such as SIGBUS.
 */
export function wrapCommand(argv: readonly string[], token = newToken()): RemoteCommand {
  const command = commandLine(argv);
  const before = `export ${RUN_VARIABLE}=${token}; ${handshake(token)}`;
  const after = '; exit $?';
  if (Buffer.byteLength(before + command + after) <= MAX_EXEC_REQUEST_BYTES) {
    return { execRequest: before + command + after, ...signals(token, ''), token };
  }
  // dd reads exactly these bytes and leaves the rest of stdin to the command; `head -c` of busybox would read ahead.
  const read = `dd bs=${Buffer.byteLength(command)} count=1 iflag=fullblock 2>/dev/null`;
  return { execRequest: `${before}eval "$(${read})"${after}`, ...signals(token, command), token };
}

/** Wraps a script for the login shell itself, without the mark that {@link RUN_VARIABLE} sets. */
export function wrapUnmarked(script: string, token = newToken()): RemoteCommand {
  return { execRequest: handshake(token) + script, ...signals(token, ''), token };
}

function newToken(): string {
  return randomBytes(12).toString('hex');
}

function handshake(token: string): string {
  return `printf 'ready-%s' ${token}; read -r go || exit 0; `;
}

function signals(token: string, command: string): Pick<RemoteCommand, 'readyMark' | 'go'> {
  return { readyMark: Buffer.from(`ready-${token}`), go: Buffer.from(`go\n${command}`) };
}
