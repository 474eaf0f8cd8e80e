import { OutputTail } from './bounded-output.js';
import { type ConnectionOptions, unreachable } from './connection-options.js';
import { diagnose } from './diagnosis.js';
import { tailOf } from './display.js';
import { masterArguments } from './options.js';
import { startSsh, type SshEnd, type SshProcess } from './ssh-process.js';
import { answerWithin } from './answer-within.js';

const STDERR_TAIL_BYTES = 8192;

/** An ssh that holds a connection. */
export interface Master {
  readonly ssh: SshProcess;
  readonly stderr: OutputTail;
  /** Name of its control socket in the private folder. */
  readonly socket: string;
}

/** Starts an ssh that will hold a connection; {@link loggedIn} says when it does. */
export function startMaster(options: ConnectionOptions, socket: string): Master {
  const { endpoint, hostKeyIsKnown, folder, environment } = options;
  const ssh = startSsh(masterArguments(endpoint, socket, hostKeyIsKnown), {
    folder,
    environment,
    diesWithParent: true,
  });
  const stderr = new OutputTail(STDERR_TAIL_BYTES);
  ssh.stdin.end();
  ssh.stderr
    .on('data', (chunk: Buffer) => {
      stderr.add(chunk);
    })
    .resume();
  return { ssh, stderr, socket };
}

/**
 * Waits until a master has logged in and serves its control socket.
 *
 * @throws {GuestUnreachableError} it could not, or not in time; it was ended.
 * @throws the signal's reason, as soon as that is aborted; it was ended.
 */
export async function loggedIn(
  { ssh, stderr }: Master,
  options: ConnectionOptions,
  timeoutMs: number,
): Promise<void> {
  const ready = new Promise<'ready'>((resolve) => {
    ssh.stdout.on('data', resolve.bind(undefined, 'ready')).resume();
  });
  let outcome: 'ready' | 'timeout' | SshEnd | undefined;
  try {
    outcome = await answerWithin(timeoutMs, Promise.race([ready, ssh.ended]), options);
  } finally {
    if (outcome !== 'ready') ssh.end();
  }
  if (outcome === 'ready') return;
  const words = tailOf(stderr.content());
  if (outcome === 'timeout') {
    throw unreachable(options, 'no answer in time', `no login within ${Math.round(timeoutMs)} ms`, words);
  }
  const own = `ssh: ${outcome.description}`;
  if (outcome.signal !== undefined) throw unreachable(options, 'connection lost', own, words);
  // 255 is ssh's own; all else comes from what should have started it.
  throw unreachable(options, outcome.exitCode === 255 ? diagnose(words) : 'client failed', words, own);
}
