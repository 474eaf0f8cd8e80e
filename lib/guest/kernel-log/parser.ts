import { lossEntry } from './entry.js';
import type { EntryFlaw, KernelLogEntry } from './entry.js';
import { parseDmesgLine, splitDmesgLine } from './dmesg.js';
import { parseKmsgLine, parseKmsgProperty, splitKmsgLine } from './kmsg.js';
import { DEFAULT_LIMITS, MAX_PROPERTIES } from './limits.js';
import { LineSplitter } from '../../text/index.js';
import type { RawLine } from '../../text/index.js';
import { SequenceTracker } from './sequence.js';

/** `kmsg`: what /dev/kmsg gives. `dmesg`: what `dmesg`, `dmesg -r`, `dmesg -x` or a console print. */
export type KernelLogFormat = 'kmsg' | 'dmesg';

export interface ParserOptions {
  readonly format: KernelLogFormat;
  /** /dev/kmsg only: the sequence number at which the reader began (0 when it reads from the boot), so that a loss before the first record shows. */
  readonly firstSequence?: number | undefined;
  /** Characters kept of one line. */
  readonly lineLength?: number | undefined;
}

/**
 * The line by which a reader of /dev/kmsg says that read(2) gave EPIPE: the ring buffer overwrote records that it had not read yet.
 * The sequence number of the next record then says how many; a reader that dies of the error (`cat`) says it in its own words.
 */
export const OVERRUN_MARKER = '!EPIPE';
const OVERRUN = /^(?:!EPIPE|cat: .{0,80}: Broken pipe)$/;

/**
 * Reads a kernel log chunk by chunk. A chunk may end anywhere; how the stream was cut never changes the entries. No input throws:
 * a line that is no record is kept as an entry with a flaw. Holds no more than one line between calls.
 */
export class KernelLogParser {
  readonly #kmsg: boolean;
  readonly #lines: LineSplitter;
  readonly #sequence: SequenceTracker;
  #overrun = false;
  #properties: PropertySink | undefined;

  constructor(options: ParserOptions) {
    this.#kmsg = options.format === 'kmsg';
    this.#lines = new LineSplitter(options.lineLength ?? DEFAULT_LIMITS.lineLength);
    this.#sequence = new SequenceTracker(options.firstSequence);
  }

  /** The entries that this chunk completed, in order. */
  push(chunk: Uint8Array | string): KernelLogEntry[] {
    return this.#read(this.#lines.push(chunk));
  }

  /** What was left when the stream ended: a line without its end, an overrun that no record followed. */
  end(): KernelLogEntry[] {
    const entries = this.#read(this.#lines.end());
    if (this.#overrun) entries.push(lossEntry({ count: undefined, where: 'overrun' }));
    this.#overrun = false;
    return entries;
  }

  #read(lines: readonly RawLine[]): KernelLogEntry[] {
    const entries: KernelLogEntry[] = [];
    for (const line of lines) this.#readLine(line, entries);
    return entries;
  }

  #readLine({ text, truncated }: RawLine, entries: KernelLogEntry[]): void {
    if (OVERRUN.test(text)) {
      this.#overrun = true;
      return;
    }
    if (this.#kmsg && this.#readProperty(text)) return;
    // An empty line carries nothing; a record of an empty text has a header.
    if (text === '' && !truncated) return;
    const parts = this.#kmsg ? splitKmsgLine(text, this.#sequence.expected) : splitDmesgLine(text);
    parts.forEach((part, index) => {
      const cut = truncated && index === parts.length - 1;
      this.#readRecord(part, cut ? 'truncated' : parts.length > 1 ? 'interleaved' : undefined, entries);
    });
  }

  #readRecord(line: string, flaw: EntryFlaw | undefined, entries: KernelLogEntry[]): void {
    const record = this.#kmsg ? parseKmsgLine(line) : parseDmesgLine(line);
    const entry: KernelLogEntry = record ?? { text: line };
    let found = flaw ?? (record === undefined ? 'malformed' : undefined);
    if (entry.seq !== undefined) {
      const step = this.#sequence.step(entry.seq);
      if (step.kind === 'gap') entries.push(lossEntry({ count: step.lost, where: 'overrun' }));
      // An overrun that no gap accounts for: the reader did not know yet what number to expect.
      else if (this.#overrun) entries.push(lossEntry({ count: undefined, where: 'overrun' }));
      if (step.kind === 'backwards') found ??= 'out-of-order';
      this.#overrun = false;
    }
    const kept = found === undefined ? entry : { ...entry, flaw: found };
    this.#properties = this.#kmsg && record !== undefined ? new PropertySink(kept) : undefined;
    entries.push(kept);
  }

  /** Whether the line was one of the dictionary of the record before it. */
  #readProperty(line: string): boolean {
    const property = this.#properties && line.startsWith(' ') ? parseKmsgProperty(line) : undefined;
    if (property === undefined) return false;
    this.#properties?.add(property);
    return true;
  }
}

/** Adds dictionary lines to an entry that was already handed out: waiting for them would delay every record by one. */
class PropertySink {
  readonly #entry: { properties?: Readonly<Record<string, string>> | undefined };

  constructor(entry: KernelLogEntry) {
    this.#entry = entry;
  }

  add([key, value]: readonly [string, string]): void {
    const properties = this.#entry.properties ?? {};
    if (Object.keys(properties).length >= MAX_PROPERTIES) return;
    this.#entry.properties = { ...properties, [key]: value };
  }
}

/** Reads a whole log at once. */
export function parseKernelLog(log: Uint8Array | string, options: ParserOptions): KernelLogEntry[] {
  const parser = new KernelLogParser(options);
  return [...parser.push(log), ...parser.end()];
}
