import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { check, milliseconds, optional, shape, whole } from '../../validate/index.js';
import type { SshConnections } from './connections.js';
import { tailOf } from './display.js';
import { GuestFileError, type FileFailure } from './errors.js';
import { runCommand } from './run-command.js';

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

export interface UploadOptions {
  /** Permission bits; those of the local file, 0644 for bytes, unless given. */
  readonly mode?: number;
  /** 60 s unless given. */
  readonly timeoutMs?: number;
}

export interface DownloadOptions {
  /** 64 MiB unless given. */
  readonly maxBytes?: number;
  /** 60 s unless given. */
  readonly timeoutMs?: number;
}

const uploadOptions = shape<UploadOptions>({
  mode: optional(whole(0, 0o7777)),
  timeoutMs: optional(milliseconds),
});
const downloadOptions = shape<DownloadOptions>({
  maxBytes: optional(whole(0)),
  timeoutMs: optional(milliseconds),
});

/** Arguments: final path, temporary path, size in bytes, mode. */
const UPLOAD_SCRIPT = `
[ ! -d "$1" ] || { echo 'Is a directory' >&2; exit 1; }
[ -f "$1" ] || [ ! -e "$1" ] || { echo 'not a regular file, so it is not replaced' >&2; exit 1; }
umask 077
trap 'rm -f "$2"' EXIT
cat > "$2" || exit 1
size=$(wc -c < "$2")
[ "$size" -eq "$3" ] || { echo "incomplete: $size of $3 bytes arrived" >&2; exit 1; }
chmod "$4" "$2" && mv -f "$2" "$1"`;

/**
 * Writes the size that the file had before it was read to stderr, as the first line; nothing for what is no regular file
 * or has no size of its own (procfs, sysfs).
 */
const DOWNLOAD_SCRIPT = `
case "$1" in
/proc/* | /sys/*) ;;
*) [ ! -f "$1" ] || stat -L -c %s "$1" >&2 ;;
esac
echo >&2
exec cat "$1"`;

/**
 * Brings bytes, or a local file, into the guest. The file appears under its name only when it is complete.
 *
 * @param remotePath absolute; its folder must be there.
 * @throws {GuestFileError} the guest could not take it: no space, no such folder, …
 */
export async function upload(
  connection: SshConnections,
  source: string | Uint8Array,
  remotePath: string,
  options: UploadOptions = {},
): Promise<void> {
  check(`${connection.options.title}: upload`, 'options', uploadOptions, options);
  requireAbsolute(remotePath);
  const content = typeof source === 'string' ? await readFile(source) : source;
  const mode = options.mode ?? (typeof source === 'string' ? (await stat(source)).mode & 0o777 : 0o644);
  const temporary = `${remotePath}.${randomBytes(6).toString('hex')}.part`;
  const script = [
    'sh',
    '-c',
    UPLOAD_SCRIPT,
    'sh',
    remotePath,
    temporary,
    String(content.length),
    mode.toString(8),
  ];
  const what = `upload of ${content.length} bytes to ${remotePath}`;
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const result = await runCommand(connection, script, { stdin: content, timeoutMs }, what);
  if (result.exitCode !== 0) {
    throw failed(connection, what, tailOf(result.stderr));
  }
}

/**
 * Fetches a file of the guest.
 *
 * @param remotePath absolute.
 * @throws {GuestFileError} it is not there, is a folder, cannot be read, or less came than the file held.
 * @throws {GuestOutputLimitError} it is larger than `maxBytes`.
 */
export async function download(
  connection: SshConnections,
  remotePath: string,
  options: DownloadOptions = {},
): Promise<Buffer> {
  check(`${connection.options.title}: download`, 'options', downloadOptions, options);
  requireAbsolute(remotePath);
  const { maxBytes = DEFAULT_MAX_BYTES, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const script = ['sh', '-c', DOWNLOAD_SCRIPT, 'sh', remotePath];
  const what = `download of ${remotePath}`;
  const result = await runCommand(connection, script, { timeoutMs, maxOutputBytes: maxBytes }, what);
  const [size = '', ...errors] = result.stderr.toString('utf8').split('\n');
  if (result.exitCode !== 0) throw failed(connection, what, tailOf(Buffer.from(errors.join('\n'))));
  if (result.stdout.length < Number(size)) {
    throw failed(connection, what, `incomplete: ${result.stdout.length} of ${size} bytes came`);
  }
  return result.stdout;
}

function requireAbsolute(remotePath: string): void {
  if (!remotePath.startsWith('/'))
    throw new RangeError(`A path in the guest must be absolute: ${JSON.stringify(remotePath)}`);
}

/** How coreutils, busybox, dash and bash name these failures in the C locale. */
const FAILURES: readonly (readonly [RegExp, FileFailure])[] = [
  [/No space left on device/, 'no space'],
  [/Is a directory/, 'is a folder'],
  [/No such file|nonexistent/i, 'no such file'],
  [/Permission denied|Operation not permitted/, 'permission denied'],
  [/Read-only file system/, 'read-only'],
  [/incomplete:/, 'incomplete'],
];

function failed(connection: SshConnections, what: string, words: string): GuestFileError {
  const failure = FAILURES.find(([pattern]) => pattern.test(words))?.[1] ?? 'failed';
  return new GuestFileError(
    failure,
    `${connection.options.title}: ${what}: ${failure}. The guest said: ${words || 'nothing'}`,
  );
}
