import type { KernelLogEntry } from './entry.js';

/** A place in the log. Entries that arrived after it belong to whoever set it. */
export interface Mark {
  readonly name: string;
  /** Arrival number of the first entry after the mark. */
  readonly position: number;
  /** Its own line, of one that was set in the guest. */
  readonly line?: KernelLogEntry | undefined;
}
