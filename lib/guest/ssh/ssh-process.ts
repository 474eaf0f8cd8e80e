import type { Readable, Writable } from 'node:stream';
import { execa } from 'execa';

/** How an ssh process ended. */
export interface SshEnd {
  /** Undefined: it ended by a signal, or could not be started. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** For people: 'exit code 255', 'ended by SIGTERM', 'spawn ssh ENOENT'. */
  readonly description: string;
}

/** One running ssh client. Its outputs are paused: `resume()` after a 'data' listener was added. */
export interface SshProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves, never rejects, once the process has ended and its output was read to the end. */
  readonly ended: Promise<SshEnd>;
  /** Whether the process is still there; earlier than `ended` when it is not. */
  isRunning(): boolean;
  /** Ends the process and drops what it still has to say. */
  end(): void;
}

/**
 * Starts an OpenSSH client in `folder`. It sees `environment` and PATH, and nothing else of the user's.
 *
 * `diesWithParent`: the kernel ends it when this process ends in whatever way (PR_SET_PDEATHSIG, prctl(2)), through
 * util-linux's setpriv.
 */
export function startSsh(
  sshArguments: readonly string[],
  options: { folder: string; environment: Readonly<Record<string, string>>; diesWithParent: boolean },
): SshProcess {
  const command = ['ssh', ...sshArguments];
  const [file, ...rest] = options.diesWithParent ? ['setpriv', '--pdeathsig', 'KILL', ...command] : command;
  const subprocess = execa(file ?? 'ssh', rest, {
    cwd: options.folder,
    // SHELL: what ssh runs LocalCommand and ProxyCommand with.
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', SHELL: '/bin/sh', ...options.environment },
    extendEnv: false,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: false,
    reject: false,
    forceKillAfterDelay: 1000,
  });
  const { stdin, stdout, stderr } = subprocess;
  // The other side may stop reading at any time (EPIPE); how the command ended says more than that.
  stdin.on('error', () => undefined);
  // What is not paused and has no listener yet would be drained and lost.
  stdout.pause();
  stderr.pause();
  return {
    stdin,
    stdout,
    stderr,
    ended: subprocess.then((result) => ({
      exitCode: result.exitCode,
      signal: result.signal,
      description: describeEnd(result),
    })),
    isRunning: () => subprocess.exitCode === null && subprocess.signalCode === null,
    end() {
      subprocess.kill('SIGTERM');
      // The master holds copies of these descriptors as long as the remote side keeps its own open.
      for (const stream of [stdin, stdout, stderr]) stream.destroy();
    },
  };
}

function describeEnd(result: {
  exitCode?: number | undefined;
  signal?: string | undefined;
  originalMessage?: string | undefined;
}): string {
  if (result.exitCode !== undefined) return `exit code ${result.exitCode}`;
  if (result.signal !== undefined) return `ended by ${result.signal}`;
  return result.originalMessage ?? 'could not be started';
}
