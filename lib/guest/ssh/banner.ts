import { connect } from 'node:net';
import { budgetClock } from '../../host/budget/index.js';
import type { UnreachableReason } from './errors.js';

/** An identification string has at most 255 characters with its line end (RFC 4253, section 4.2). */
const MAX_BANNER_BYTES = 255;
const IDENTIFICATION = 'SSH-';
/** What OpenSSH's server says in place of it while too many connections wait for their login (sshd.c, drop_connection()). */
const BUSY = ['Exceeded MaxStartups', 'Not allowed at this time'];

export type BannerResult =
  { readonly banner: string } | { readonly reason: UnreachableReason; readonly seen: string };

/**
 * Connects to a TCP port and waits for an ssh server's identification string, without logging in.
 *
 * With QEMU's user networking a connection means nothing: hostfwd accepts it on the host's side before it asks the guest,
 * then closes it (nothing listens in the guest) or lets it hang (the guest has no network yet).
 *
 * @param patienceMs how long to wait for the string.
 */
export function readBanner(
  { host, port }: { host: string; port: number },
  patienceMs: number,
  signal?: AbortSignal,
): Promise<BannerResult> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    let connected = false;
    const socket = connect({ host, port });
    const cancel = budgetClock.after(patienceMs, (note) => {
      const state = connected ? 'the connection was accepted' : 'the connection was not accepted';
      finish({
        reason: 'no banner',
        seen: `${state}, and ${excerpt(received)} came within ${Math.round(patienceMs)} ms${note}`,
      });
    });
    const onAbort = (): void => {
      finish({ reason: 'no banner', seen: 'the wait was ended' });
    };
    const finish = (result: BannerResult): void => {
      cancel();
      signal?.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(result);
    };
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted === true) onAbort();
    socket.on('connect', () => {
      connected = true;
    });
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]).subarray(0, MAX_BANNER_BYTES);
      const text = received.toString('latin1');
      const end = text.indexOf('\n');
      if (BUSY.some((words) => text.startsWith(words))) {
        finish({ reason: 'closed without a banner', seen: `the server is busy: ${excerpt(received)}` });
      } else if (![IDENTIFICATION, ...BUSY].some((words) => words.startsWith(text.slice(0, words.length)))) {
        finish({ reason: 'not an ssh server', seen: excerpt(received) });
      } else if (end >= 0) {
        finish({ banner: text.slice(0, end).trimEnd() });
      } else if (received.length === MAX_BANNER_BYTES) {
        finish({ reason: 'not an ssh server', seen: `${excerpt(received)} without a line end` });
      }
    });
    socket.on('end', () => {
      finish({
        reason: 'closed without a banner',
        seen: `the connection was closed after ${excerpt(received)}`,
      });
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'ECONNREFUSED' ? 'connection refused' : 'closed without a banner';
      finish({ reason, seen: error.message });
    });
  });
}

function excerpt(received: Buffer): string {
  return received.length === 0 ? 'nothing' : JSON.stringify(received.toString('latin1').slice(0, 80));
}
