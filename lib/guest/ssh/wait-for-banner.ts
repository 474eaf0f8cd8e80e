import { once } from 'node:events';
import { budgetClock, within } from '../../host/budget/index.js';
import { readBanner, type BannerResult } from './banner.js';

/** Between an attempt that failed and the next one: a port that opens has no event to wait for. */
const RETRY_PAUSE_MS = 20;
const FIRST_PATIENCE_MS = 1000;
/** Attempts that may be open together. Dropbear takes 5 of an address before login, OpenSSH 10. */
const OPEN_ATTEMPTS = 4;

/**
 * Waits until an ssh server identifies itself on a port.
 *
 * A connection that QEMU's hostfwd accepted while the guest had no network is answered late, when the emulated TCP sends
 * its SYN again (seconds), while a new connection is answered at once. A silent attempt is therefore kept, for a server
 * that is only slow, and overtaken by a new one; both last longer the longer the whole wait has lasted, so that a server
 * that is slower than the first attempts' patience is reached as well.
 *
 * @returns the last result: without a banner when the time is over, the signal was aborted, or what answers is no ssh server.
 */
export async function waitForBanner(
  endpoint: { host: string; port: number },
  budgetMs: number,
  signal: AbortSignal,
): Promise<BannerResult> {
  const start = budgetClock.now();
  const finished = new AbortController();
  const over = AbortSignal.any([signal, finished.signal]);
  const ended = once(over, 'abort');
  const cancel = budgetClock.after(budgetMs, () => {
    finished.abort();
  });
  const open = new Set<Promise<BannerResult>>();
  let last: BannerResult = { reason: 'no banner', seen: 'nothing' };
  try {
    for (;;) {
      const patience = Math.max(FIRST_PATIENCE_MS, (budgetClock.now() - start) / 2);
      if (open.size < OPEN_ATTEMPTS) {
        const attempt: Promise<BannerResult> = readBanner(endpoint, patience, over).finally(() =>
          open.delete(attempt),
        );
        open.add(attempt);
      }
      const result = await within(patience / OPEN_ATTEMPTS, Promise.race(open));
      if (over.aborted) return last;
      if (result === 'timeout') {
        last = { reason: 'no banner', seen: 'the connection was accepted, and nothing came' };
        continue;
      }
      last = result;
      if ('banner' in result || result.reason === 'not an ssh server') return result;
      await within(RETRY_PAUSE_MS, ended);
    }
  } finally {
    cancel();
    finished.abort();
  }
}
