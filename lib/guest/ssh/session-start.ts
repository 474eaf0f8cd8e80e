import { answerWithin } from './answer-within.js';
import { OutputTail } from './bounded-output.js';
import type { ConnectionOptions } from './connection-options.js';
import type { RemoteCommand } from './remote-command.js';
import type { SshEnd, SshProcess } from './ssh-process.js';

/** What a login shell may write before the command, from its start-up files, and what ssh may say. */
const MAX_NOISE_BYTES = 64 * 1024;

export type SessionStart =
  /** The command was told to start. Its output begins where the streams stand now; they are paused. */
  | 'started'
  /** The command was not and will not be started. */
  | { readonly end: SshEnd | undefined; readonly stderr: Buffer };

/**
 * Waits until the guest's shell is there, then tells it to start the command.
 *
 * @throws {GuestUnreachableError} the guest's machine stands still.
 * @throws the connection's signal's reason, as soon as that is aborted.
 */
export async function startCommand(
  ssh: SshProcess,
  remote: RemoteCommand,
  timeoutMs: number,
  options: ConnectionOptions,
): Promise<SessionStart> {
  const stdout = new OutputTail(MAX_NOISE_BYTES);
  const stderr = new OutputTail(MAX_NOISE_BYTES);
  const onStderr = (chunk: Buffer): void => {
    stderr.add(chunk);
  };
  let onStdout: (chunk: Buffer) => void = () => undefined;
  const ready = new Promise<'ready'>((resolve) => {
    onStdout = (chunk) => {
      stdout.add(chunk);
      if (stdout.content().includes(remote.readyMark)) resolve('ready');
    };
  });
  ssh.stdout.on('data', onStdout).resume();
  ssh.stderr.on('data', onStderr).resume();
  let started = false;
  try {
    const outcome = await answerWithin(timeoutMs, Promise.race([ready, ssh.ended]), options);
    if (outcome !== 'ready')
      return { end: outcome === 'timeout' ? undefined : outcome, stderr: stderr.content() };
    started = true;
  } finally {
    if (!started) ssh.end();
  }
  // Until it is told to go the shell writes nothing more, so that nothing can be behind the mark yet.
  ssh.stdout.off('data', onStdout).pause();
  ssh.stderr.off('data', onStderr).pause();
  if (stderr.content().length > 0) ssh.stderr.unshift(stderr.content());
  ssh.stdin.write(remote.go);
  return 'started';
}
