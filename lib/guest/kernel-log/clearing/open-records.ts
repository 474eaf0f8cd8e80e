import { ACCESSED_DIRTY } from './pte-change.js';

/** How many open records of one address are compared with a new PTE; a bound on the work that a hostile log can cause. */
const CANDIDATES = 64;

interface Queue<T> {
  items: T[];
  /** Items before it are taken. */
  head: number;
}

/** What must be known of a `Clearing` line to find its partner. */
export interface OpenRecord {
  readonly oldPte: bigint | undefined;
  /** How many losses the log had before it. */
  readonly losses: number;
}

/** The `Clearing` lines that wait for their `Successfully cleared`, by address. */
export class OpenRecords<T extends OpenRecord> {
  readonly #byAddress = new Map<bigint, Queue<T>>();
  /** Bits in which an old PTE and its new one may differ. */
  readonly #free: bigint;

  /** @param mask of the bits that the change is about */
  constructor(mask: bigint) {
    this.#free = mask | ACCESSED_DIRTY;
  }

  add(address: bigint, record: T): void {
    const queue = this.#byAddress.get(address);
    if (queue === undefined) this.#byAddress.set(address, { items: [record], head: 0 });
    else queue.items.push(record);
  }

  /**
   * Takes out the record that `newPte` completes: the oldest whose old PTE fits it, else the oldest since the last loss. Across a
   * loss a pair that does not fit would be made of two halves of two pairs, and accuse the kernel of what it did not do.
   */
  take(address: bigint, newPte: bigint | undefined, losses: number): T | undefined {
    const queue = this.#byAddress.get(address);
    if (queue === undefined) return undefined;
    const { items, head } = queue;
    const candidates = items.slice(head, head + CANDIDATES);
    const fitting = candidates.findIndex(({ oldPte }) => fits(oldPte, newPte, this.#free));
    const chosen = fitting >= 0 ? fitting : candidates.findIndex((candidate) => candidate.losses === losses);
    if (chosen < 0) return undefined;
    const record = candidates[chosen];
    // Those before it move up by one, so that the head stays the oldest.
    items.copyWithin(head + 1, head, head + chosen);
    queue.head = head + 1;
    if (queue.head === items.length) this.#byAddress.delete(address);
    return record;
  }
}

function fits(oldPte: bigint | undefined, newPte: bigint | undefined, free: bigint): boolean {
  return oldPte !== undefined && newPte !== undefined && ((oldPte ^ newPte) & ~free) === 0n;
}
