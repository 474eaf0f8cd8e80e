import { randomUUID } from 'node:crypto';
import type { KernelLogEntry } from './entry.js';
import { EntryAwaiter } from './awaiter.js';
import type { KernelLogEnd } from './awaiter.js';
import { EntryStore } from './entry-store.js';
import { DEFAULT_LIMITS } from './limits.js';
import type { KernelLogLimits } from './limits.js';
import type { Mark } from './mark.js';
import { KernelLogParser } from './parser.js';
import type { KernelLogFormat } from './parser.js';
import { describePattern, entryPattern, matcherOf } from './pattern.js';
import type { EntryPattern } from './pattern.js';
import { oneLine } from '../../text/index.js';
import { check, instance, milliseconds, optional, type Rule, shape, that } from '../../validate/index.js';

export interface KernelLogOptions {
  readonly format: KernelLogFormat;
  /** Sequence number at which the channel begins (0: reads from the boot), so that a loss before the first record shows. */
  readonly firstSequence?: number | undefined;
  readonly limits?: Partial<KernelLogLimits> | undefined;
  /** Writes one line to the guest's /dev/kmsg; what `markThroughGuest` needs. */
  readonly write?: ((line: string) => Promise<void>) | undefined;
}

/** Characters of a mark's name in the guest's log, whose records are bounded. */
const longestName = 200;

const mark: Rule<Mark> = that(
  'a mark of this log (log.mark(…))',
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    'position' in value &&
    Number.isSafeInteger(value.position),
);

/** A place in the log. Entries that arrived after it belong to whoever set it. */
export interface WaitOptions {
  /** Budget in milliseconds, from 1. */
  readonly timeoutMs: number;
  /** Entries from here on count, those that have arrived already included. Default: the latest mark, or the log's beginning. */
  readonly since?: Mark;
  /** An entry that makes waiting pointless. Default: a kernel panic. */
  readonly unless?: EntryPattern;
  /** Gives up the wait; it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const waitOptions = shape<WaitOptions>({
  timeoutMs: milliseconds,
  since: optional(mark),
  unless: optional(entryPattern),
  signal: optional(instance(AbortSignal, 'an AbortSignal')),
});

/**
 * The guest's kernel log, as it comes in over a channel that is given: any async iterable of chunks (`ssh … cat /dev/kmsg`, a
 * console). Whoever made the channel ends it; `close` only stops listening. The guest's text is untrusted and bounded by the limits.
 */
export class KernelLog {
  /** Resolves, and never rejects, when nothing more will arrive. */
  readonly ended: Promise<KernelLogEnd>;
  readonly #parser: KernelLogParser;
  readonly #store: EntryStore;
  readonly #awaiter: EntryAwaiter;
  readonly #listeners = new Set<(entry: KernelLogEntry) => void>();
  readonly #write: KernelLogOptions['write'];
  readonly #closing = new AbortController();
  #latestMark: Mark = { name: 'the beginning', position: 0 };

  constructor(channel: AsyncIterable<Uint8Array | string>, options: KernelLogOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#parser = new KernelLogParser({
      format: options.format,
      firstSequence: options.firstSequence,
      lineLength: limits.lineLength,
    });
    this.#store = new EntryStore(limits.entries, limits.characters);
    this.#awaiter = new EntryAwaiter(this.#store);
    this.#write = options.write;
    this.ended = this.#consume(channel[Symbol.asyncIterator]());
  }

  /** All entries held. When the cap made some go, the first one says how many. */
  get entries(): KernelLogEntry[] {
    return this.#store.slice(0);
  }

  /** Entries that arrived after the mark, up to a later one or to now. */
  entriesSince(since: Mark, until?: Mark): KernelLogEntry[] {
    check('entriesSince', 'since', mark, since);
    if (until !== undefined) check('entriesSince', 'until', mark, until);
    return this.#store.slice(since.position, until?.position);
  }

  /**
   * Marks the place up to which entries have **arrived**. A line that the kernel printed before but that is still on its way falls
   * after the mark; `markThroughGuest` is exact.
   */
  mark(name: string): Mark {
    this.#latestMark = { name, position: this.#store.next };
    return this.#latestMark;
  }

  /**
   * Marks the place in the guest's own log: writes a line to /dev/kmsg and waits until it arrives, so that each line falls on the
   * side of the mark on which the kernel printed it. The mark's own line comes before the mark.
   *
   * @throws KernelLogTimeoutError, KernelLogEndedError, KernelLogAbortedError as `waitFor`; what `write` throws
   */
  async markThroughGuest(name: string, { timeoutMs }: { readonly timeoutMs: number }): Promise<Mark> {
    check('markThroughGuest', 'timeoutMs', milliseconds, timeoutMs);
    if (this.#write === undefined)
      throw new TypeError(
        'This kernel log cannot be written to: give KernelLog the option `write`, or use mark().',
      );
    const token = `opentdx-e2e mark ${randomUUID()}`;
    let position = this.#store.next;
    const givingUp = new AbortController();
    const arrived = this.#awaiter.wait(`the mark '${oneLine(name)}' to come back`, {
      timeoutMs,
      from: position,
      aborts: isPanic,
      signal: givingUp.signal,
      matches: ({ text }) => {
        if (!text.startsWith(token)) return false;
        // The entry is announced right after it was stored: the next one is the first behind the mark.
        position = this.#store.next;
        return true;
      },
    });
    try {
      const [line] = await Promise.all([
        arrived,
        this.#write(`${token} ${oneLine(name).slice(0, longestName)}`),
      ]);
      this.#latestMark = { name, position, line };
    } finally {
      // Where the write failed nobody waits for the line any more.
      givingUp.abort();
    }
    return this.#latestMark;
  }

  /**
   * The first entry since the mark that matches, whether it has arrived already or is still to come.
   *
   * @throws UsageError
   * @throws KernelLogTimeoutError when the budget is spent
   * @throws KernelLogEndedError when the channel ends first
   * @throws KernelLogAbortedError when an entry matches `unless` first
   */
  async waitFor(pattern: EntryPattern, options: WaitOptions): Promise<KernelLogEntry> {
    check('waitFor', 'pattern', entryPattern, pattern);
    check('waitFor', 'options', waitOptions, options);
    return await this.#awaiter.wait(describePattern(pattern), {
      timeoutMs: options.timeoutMs,
      from: (options.since ?? this.#latestMark).position,
      matches: matcherOf(pattern),
      aborts: matcherOf(options.unless ?? isPanic),
      signal: options.signal,
    });
  }

  /** Calls `listener` with every entry from now on, in order. Returns what takes it off again. */
  onEntry(listener: (entry: KernelLogEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Stops listening; those who wait are told. What has arrived stays readable. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.ended;
  }

  async #consume(channel: AsyncIterator<Uint8Array | string>): Promise<KernelLogEnd> {
    const closed = new Promise<KernelLogEnd>((resolve) => {
      this.#closing.signal.addEventListener('abort', () => {
        resolve({ reason: 'closed' });
      });
    });
    const end = await Promise.race([this.#readAll(channel), closed]);
    this.#add(this.#parser.end());
    this.#awaiter.end(end);
    return end;
  }

  /** After `close` a chunk may still come, or an error: the channel is its maker's to end, and neither concerns anybody here. */
  async #readAll(channel: AsyncIterator<Uint8Array | string>): Promise<KernelLogEnd> {
    try {
      for (;;) {
        const step = await channel.next();
        if (this.#closing.signal.aborted) return { reason: 'closed' };
        if (step.done === true) return { reason: 'end of stream' };
        this.#add(this.#parser.push(step.value));
      }
    } catch (error) {
      return { reason: 'channel failed', error };
    }
  }

  #add(entries: readonly KernelLogEntry[]): void {
    for (const entry of entries) {
      this.#store.add(entry);
      for (const listener of this.#listeners) tell(listener, entry);
      this.#awaiter.announce(entry);
    }
  }
}

/** What user space writes to /dev/kmsg is no panic. */
function isPanic({ text, facility }: KernelLogEntry): boolean {
  return (facility ?? 0) === 0 && text.startsWith('Kernel panic - not syncing');
}

/** A listener that throws is a defect of its own: it surfaces as an uncaught error and neither ends the log nor robs others of the entry. */
function tell(listener: (entry: KernelLogEntry) => void, entry: KernelLogEntry): void {
  try {
    listener(entry);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
