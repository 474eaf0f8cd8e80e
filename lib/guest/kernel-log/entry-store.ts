import { lossEntry } from './entry.js';
import type { KernelLogEntry } from './entry.js';

/** Counted for an entry beside its text, so that a million empty entries cost something too. */
const ENTRY_OVERHEAD = 64;

/**
 * Entries in order of arrival, numbered from 0, within a cap: the oldest go first, and a slice that should hold them says how many
 * are missing.
 */
export class EntryStore {
  readonly #maxEntries: number;
  readonly #maxCharacters: number;
  #entries: KernelLogEntry[] = [];
  /** Arrival number of the first entry still held. */
  #first = 0;
  #characters = 0;

  constructor(maxEntries: number, maxCharacters: number) {
    this.#maxEntries = maxEntries;
    this.#maxCharacters = maxCharacters;
  }

  /** The arrival number that the next entry gets. */
  get next(): number {
    return this.#first + this.#entries.length;
  }

  add(entry: KernelLogEntry): void {
    this.#entries.push(entry);
    this.#characters += cost(entry);
    if (this.#entries.length > this.#maxEntries || this.#characters > this.#maxCharacters) this.#dropOldest();
  }

  /** Entries from arrival number `from` up to, not including, `to`. */
  slice(from: number, to = this.next): KernelLogEntry[] {
    const kept = this.#entries.slice(Math.max(0, from - this.#first), Math.max(0, to - this.#first));
    const missing = Math.min(to, this.#first) - from;
    return missing > 0 ? [lossEntry({ count: missing, where: 'store' }), ...kept] : kept;
  }

  /** Down to three quarters in one go, so that a full store is not moved at every entry. */
  #dropOldest(): void {
    let drop = 0;
    const keep = Math.floor(this.#maxEntries * 0.75);
    const keepCharacters = this.#maxCharacters * 0.75;
    while (drop < this.#entries.length) {
      if (this.#entries.length - drop <= keep && this.#characters <= keepCharacters) break;
      const entry = this.#entries[drop];
      if (entry !== undefined) this.#characters -= cost(entry);
      drop += 1;
    }
    this.#entries = this.#entries.slice(drop);
    this.#first += drop;
  }
}

function cost(entry: KernelLogEntry): number {
  return entry.text.length + ENTRY_OVERHEAD;
}
