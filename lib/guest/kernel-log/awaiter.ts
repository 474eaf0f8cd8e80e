import type { KernelLogEntry } from './entry.js';
import type { EntryStore } from './entry-store.js';
import { budgetClock } from '../../host/budget/index.js';
import { testEndedHint } from '../../errors.js';
import { KernelLogAbortedError, KernelLogEndedError, KernelLogTimeoutError } from './errors.js';
import { formatEntry } from './format-entry.js';
import { oneLine } from '../../text/index.js';
import { Waiters } from './waiters.js';

/** How the channel came to its end. `error` is set when it threw. */
export interface KernelLogEnd {
  readonly reason: 'end of stream' | 'channel failed' | 'closed';
  readonly error?: unknown;
}

interface Awaited {
  readonly timeoutMs: number;
  /** Arrival number of the first entry that counts. */
  readonly from: number;
  readonly matches: (entry: KernelLogEntry) => boolean;
  /** Whether the entry makes waiting pointless. */
  readonly aborts: (entry: KernelLogEntry) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Entries shown in an error. */
const TAIL = 10;

/** Waits for entries: each wait ends with its entry, its deadline, the end of the log, or an entry that rules it out. */
export class EntryAwaiter {
  readonly #store: EntryStore;
  readonly #waiters = new Waiters();
  #end: KernelLogEnd | undefined;

  constructor(store: EntryStore) {
    this.#store = store;
  }

  /** Tells those who wait of an entry that was just stored. */
  announce(entry: KernelLogEntry): void {
    this.#waiters.announce(entry);
  }

  /** Tells them, and all who come later, that no entry will come any more. */
  end(end: KernelLogEnd): void {
    this.#end = end;
    this.#waiters.endAll();
  }

  /**
   * The first entry, stored or to come, for which `matches` holds.
   *
   * @throws KernelLogTimeoutError, KernelLogEndedError, KernelLogAbortedError; the signal's reason; what a predicate throws
   */
  wait(awaited: string, { timeoutMs, from, matches, aborts, signal }: Awaited): Promise<KernelLogEntry> {
    return new Promise((resolve, reject) => {
      const settle = (how: () => void): void => {
        cancel();
        signal?.removeEventListener('abort', givenUp);
        takeOff();
        how();
      };
      const fail = (error: unknown): void => {
        settle(() => {
          reject(error instanceof Error ? error : new Error(String(error), { cause: error }));
        });
      };
      const see = (entry: KernelLogEntry): boolean => {
        if (matches(entry)) {
          settle(() => {
            resolve(entry);
          });
        } else if (aborts(entry)) {
          const problem = `Awaited ${awaited} in the kernel log; the guest printed '${oneLine(entry.text)}' instead.`;
          fail(new KernelLogAbortedError(problem, awaited, this.#tail()));
        } else return false;
        return true;
      };
      const ended = (): void => {
        fail(this.#endedError(awaited));
      };
      const givenUp = (): void => {
        fail(signal?.reason);
      };
      const cancel = budgetClock.after(timeoutMs, (note) => {
        const problem = `Awaited ${awaited} in the kernel log; it did not come within ${timeoutMs} ms${note}.`;
        fail(new KernelLogTimeoutError(problem, awaited, this.#tail()));
      });
      const takeOff = this.#waiters.add({ see, ended, failed: fail });
      signal?.addEventListener('abort', givenUp, { once: true });
      try {
        if (this.#store.slice(from).some(see)) return;
      } catch (error) {
        fail(error);
        return;
      }
      if (signal?.aborted === true) givenUp();
      else if (this.#end !== undefined) ended();
    });
  }

  #endedError(awaited: string): KernelLogEndedError {
    const end = this.#end ?? { reason: 'closed' };
    const hint = end.reason === 'closed' ? ` ${testEndedHint}` : '';
    const problem = `Awaited ${awaited} in the kernel log; the log ended before it came (${end.reason}).${hint}`;
    return new KernelLogEndedError(problem, awaited, this.#tail(), { cause: end.error });
  }

  #tail(): string[] {
    return this.#store
      .slice(Math.max(0, this.#store.next - TAIL))
      .map((entry) => oneLine(formatEntry(entry)));
  }
}
