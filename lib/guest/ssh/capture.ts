import { answerWithin } from './answer-within.js';
import { BoundedOutput } from './bounded-output.js';
import type { SshConnections } from './connections.js';
import type { RemoteCommand } from './remote-command.js';

/** A function is called when the command starts. */
export type Stdin = string | Uint8Array | (() => string);

export interface CaptureOptions {
  readonly stdin: Stdin;
  /** Until the command is told to start, connection included; the connection's own bound unless given. */
  readonly startTimeoutMs?: number;
  /** Counted from when the command was started. */
  readonly timeoutMs: number;
  /** For each of stdout and stderr. */
  readonly maxOutputBytes: number;
}

export interface Captured {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly end:
    | { readonly kind: 'exited'; readonly exitCode: number }
    | { readonly kind: 'timeout' }
    | { readonly kind: 'output limit'; readonly stream: 'stdout' | 'stderr' };
}

/**
 * Runs one command to its end, its deadline or its output cap, whichever comes first. After the latter two the session
 * is left, but the remote processes still run: see run-command.ts.
 *
 * @throws {GuestUnreachableError} no connection, or it ended before the command did.
 * @throws the reason of the connection's signal, as soon as that is aborted.
 */
export async function capture(
  connection: SshConnections,
  remote: RemoteCommand,
  options: CaptureOptions,
): Promise<Captured> {
  const session = await connection.startSession(remote, options.startTimeoutMs);
  const { channel } = session;
  const stdout = new BoundedOutput(options.maxOutputBytes);
  const stderr = new BoundedOutput(options.maxOutputBytes);
  const overflow = new Promise<Captured['end']>((resolve) => {
    for (const [stream, output] of [
      ['stdout', stdout],
      ['stderr', stderr],
    ] as const) {
      channel[stream]
        .on('data', (chunk: Buffer) => {
          if (!output.add(chunk)) resolve({ kind: 'output limit', stream });
        })
        .resume();
    }
  });
  const { stdin } = options;
  channel.stdin.end(typeof stdin === 'function' ? stdin() : stdin);

  try {
    const outcome = await answerWithin(
      options.timeoutMs,
      Promise.race([channel.ended, overflow]),
      connection.options,
    );
    const end = outcome === 'timeout' ? ({ kind: 'timeout' } as const) : outcome;
    if ('kind' in end) return { stdout: stdout.content(), stderr: stderr.content(), end };
    const { exitCode } = end;
    if (exitCode === undefined) throw await session.lost(end, stderr.content());
    return { stdout: stdout.content(), stderr: stderr.content(), end: { kind: 'exited', exitCode } };
  } finally {
    channel.leave();
  }
}
