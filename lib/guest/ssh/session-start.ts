import { answerWithin } from './answer-within.js';
import { OutputTail } from './bounded-output.js';
import type { Channel, ChannelEnd } from './channel.js';
import type { ConnectionOptions } from './connection-options.js';
import type { RemoteCommand } from './remote-command.js';

/** What a login shell may write before the command, from its start-up files. */
const MAX_NOISE_BYTES = 64 * 1024;

export type SessionStart =
  /** The command was told to start. Its output begins where the streams stand now; they are paused. */
  | 'started'
  /** The command was not and will not be started. */
  | { readonly end: ChannelEnd | undefined; readonly stderr: Buffer };

/**
 * Waits until the guest's shell is there, then tells it to start the command.
 *
 * @throws {GuestUnreachableError} the guest's machine stands still.
 * @throws the connection's signal's reason, as soon as that is aborted.
 */
export async function startCommand(
  channel: Channel,
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
  channel.stdout.on('data', onStdout).resume();
  channel.stderr.on('data', onStderr).resume();
  let started = false;
  try {
    const outcome = await answerWithin(timeoutMs, Promise.race([ready, channel.ended]), options);
    if (outcome !== 'ready')
      return { end: outcome === 'timeout' ? undefined : outcome, stderr: stderr.content() };
    started = true;
  } finally {
    if (!started) channel.leave();
  }
  // Until it is told to go the shell writes nothing more, so that nothing can be behind the mark yet.
  channel.stdout.off('data', onStdout).pause();
  channel.stderr.off('data', onStderr).pause();
  if (stderr.content().length > 0) channel.stderr.unshift(stderr.content());
  channel.stdin.write(remote.go);
  return 'started';
}
