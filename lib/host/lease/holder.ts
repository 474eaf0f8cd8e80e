import { createConnection } from 'node:net';
import { leaseAddress, type LeaseScope } from './name.js';
import { longestHolderText } from './lease.js';

interface AskOptions {
  scope?: LeaseScope;
  /** Called with the holder's text as soon as the holder has answered, once. */
  onHolder?: (text: string) => void;
  signal: AbortSignal;
}

/**
 * Waits until the holder of a lease gives it back or dies, without polling: a connection to the holder stays open as long as
 * the holder has the lease. Returns at once when nobody holds it. Does not reject when `signal` aborts: look at the signal.
 */
export function untilGivenBack(
  name: string,
  { scope = 'user', onHolder, signal }: AskOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const connection = createConnection({ path: leaseAddress(name, scope) });
    // Not createConnection's own `signal`: Node 20 leaves its listener on the signal after the connection's end.
    const giveUp = (): void => void connection.destroy();
    signal.addEventListener('abort', giveUp);
    connection.setEncoding('utf8');
    connection.once('data', (text: string) => onHolder?.(text.slice(0, longestHolderText)));
    connection.on('error', (error: NodeJS.ErrnoException) => {
      // Refused: nobody holds it any more. Reset: the holder ended.
      // EAGAIN: the holder is so busy that its queue of askers is full; the caller asks again.
      if (['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'EAGAIN'].includes(error.code ?? '')) return;
      reject(error);
    });
    connection.on('close', () => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    });
  });
}
