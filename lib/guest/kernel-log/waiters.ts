import type { KernelLogEntry } from './entry.js';

/** One who waits for an entry that has not arrived yet. */
export interface Waiter {
  /** Called with each entry until it returns true: the waiter has what it wanted. Throwing ends the waiting, too. */
  readonly see: (entry: KernelLogEntry) => boolean;
  /** Nothing will come any more. */
  readonly ended: () => void;
  /** `see` threw. */
  readonly failed: (error: unknown) => void;
}

/** Those who wait. Each is told once. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();

  /** @returns takes the waiter off again */
  add(waiter: Waiter): () => void {
    this.#waiting.add(waiter);
    return () => void this.#waiting.delete(waiter);
  }

  announce(entry: KernelLogEntry): void {
    for (const waiter of this.#waiting) {
      if (satisfied(waiter, entry)) this.#waiting.delete(waiter);
    }
  }

  endAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) waiter.ended();
  }
}

/** A predicate that throws fails its own waiter, and nobody else's. */
function satisfied(waiter: Waiter, entry: KernelLogEntry): boolean {
  try {
    return waiter.see(entry);
  } catch (error) {
    waiter.failed(error);
    return true;
  }
}
