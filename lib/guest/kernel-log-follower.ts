import { InfrastructureError } from '../errors.js';
import { within } from '../host/budget/index.js';
import type { Guest, LineProcess } from './command-shell.js';
import {
  formatEntry,
  KernelLog,
  type KernelLogEntry,
  KernelLogTimeoutError,
  lossEntry,
  type Mark,
} from './kernel-log/index.js';
import { withBroughtTools } from './tools/index.js';

/** Two lines for each page of a mapping: most of a long log, and of no use to whoever does not ask for them. */
const leftOut = '_PAGE_USER at vaddr';
const all = '!all';

/**
 * The guest's own reader of /dev/kmsg where it has one (images/reference/tools), which goes on after an overrun and says so. `cat`
 * ends there, and the log with it. Both write each line of stdin to the log, with the kernel's taint behind it, and end with stdin.
 */
const follow = `${withBroughtTools}
if command -v kmsg-follow > /dev/null; then exec kmsg-follow --marks --without "$1"; fi
cat /dev/kmsg &
while read -r line; do
  [ "$line" = '${all}' ] || printf '%s, tainted %s\\n' "$line" "$(cat /proc/sys/kernel/tainted)" > /dev/kmsg
done
kill $!`;

/** How long the log may take to arrive to its end: the 131,072 lines of a 256 MiB mapping come through ssh. */
const arrivalMs = 60_000;

/** A guest's kernel log for people, with what its times mean on the host's clock. */
export interface KernelLogText {
  readonly text: string;
  /** ms since 1970 at which the guest's kernel began to count, as of the latest mark; undefined when that has no time. */
  readonly epoch: number | undefined;
}

/** A place in the guest's own log. */
interface LogMark extends Mark {
  /** Its own line there, which no other has. */
  readonly text: string;
  /** `/proc/sys/kernel/tainted` there. */
  readonly taint: bigint;
  /** Of which reader's log its position is. */
  readonly log: KernelLog;
}

/** A mark takes some ms; one that takes longer may never come. */
const lateMs = 2_000;
/** How long the end of a reader may take to be heard of, when a mark has failed. */
const endMs = 1_000;

/** The process in the guest, and what has come of it. One that a test ended is begun anew: the kernel's buffer has it all. */
class Reading {
  log: KernelLog;
  /** ms since 1970 at which the guest's kernel began to count, as of the latest mark. */
  epoch: number | undefined;
  readonly #guest: ReadGuest;
  #reader: LineProcess;
  /** Every line is to come whole. */
  #whole = false;

  private constructor(guest: ReadGuest, reader: Reader) {
    this.#guest = guest;
    this.#reader = reader;
    this.log = logOf(reader);
  }

  static async start(guest: ReadGuest): Promise<Reading> {
    return new Reading(guest, await read(guest, leftOut));
  }

  async mark(name: string, timeoutMs = arrivalMs): Promise<LogMark> {
    try {
      return await this.#mark(name, timeoutMs);
    } catch (error) {
      if (error instanceof KernelLogTimeoutError) throw error;
      const end = await within(endMs, this.log.ended);
      if (end === 'timeout' || end.reason === 'closed') throw error;
      const reader = await read(this.#guest, this.#whole ? all : leftOut);
      this.#reader = reader;
      this.log = logOf(reader);
      return await this.#mark(name, timeoutMs);
    }
  }

  async whole(): Promise<void> {
    this.#whole = true;
    await this.#reader.writeLine(all).catch(() => undefined); // one that has ended is begun anew at the next mark
  }

  async stop(): Promise<void> {
    await this.log.close();
    this.#reader.closeStdin();
  }

  async #mark(name: string, timeoutMs: number): Promise<LogMark> {
    const { log } = this;
    const coming = log.markThroughGuest(name, { timeoutMs });
    const late = await within(lateMs, coming);
    // Whoever waits for a guest that stands still, or is gone, is told so by a command.
    const mark = late === 'timeout' ? await firstOf(coming, this.#guest.succeed(['true'])) : late;
    const { line: { text = '', time } = {} } = mark;
    const [, taint] = /, tainted (\d{1,20})\s*$/.exec(text) ?? [];
    if (taint === undefined)
      throw new InfrastructureError(
        `The guest's /proc/sys/kernel/tainted should hold a number: its log has '${text.slice(0, 200)}'. Is /proc mounted?`,
      );
    this.epoch = time === undefined ? undefined : Date.now() - time * 1000;
    return { ...mark, text, taint: BigInt(taint), log };
  }
}

/** `work`, unless it turns out that the guest does not answer. */
async function firstOf<T>(work: Promise<T>, answer: Promise<unknown>): Promise<T> {
  return await Promise.race([work, answer.then(() => work)]);
}

/** What a reader needs of a guest. */
type ReadGuest = Pick<Guest, 'spawn' | 'succeed'>;
type Reader = LineProcess & AsyncIterable<string>;

function read(guest: ReadGuest, without: string): Promise<Reader> {
  return guest.spawn(['sh', '-c', follow, 'sh', without]);
}

function logOf(reader: Reader): KernelLog {
  const write = (line: string): Promise<void> => reader.writeLine(line);
  return new KernelLog(chunksOf(reader), { format: 'kmsg', firstSequence: 0, write });
}

/** A guest process's lines as a channel. */
async function* chunksOf(reader: AsyncIterable<string>): AsyncGenerator<string, void> {
  for await (const line of reader) yield `${line}\n`;
}

/**
 * The guest's kernel log, followed live from its first record on, with the place where a test began. One process in the guest reads it for
 * all who want to know.
 */
export class KernelLogFollower {
  /** What the kernel printed after this belongs to the test. */
  readonly began: LogMark;
  readonly #reading: Reading;

  private constructor(reading: Reading, began: LogMark) {
    this.#reading = reading;
    this.began = began;
  }

  /** @param name of the mark in the guest's own log */
  static async start(guest: ReadGuest, name: string): Promise<KernelLogFollower> {
    const reading = await Reading.start(guest);
    return new KernelLogFollower(reading, await reading.mark(name));
  }

  /** Everything that the kernel printed from the test's beginning until now; waits until all of it is here. */
  async entries(): Promise<KernelLogEntry[]> {
    return (await this.window()).entries;
  }

  /** The same, and the kernel's taint now. The lines about cleared pages are without text, unless somebody wants them: see `fromNow`. */
  async window(
    timeoutMs = arrivalMs,
  ): Promise<{ readonly entries: KernelLogEntry[]; readonly taint: bigint }> {
    const now = await this.#reading.mark('read up to here', timeoutMs);
    return { entries: this.#since(now), taint: now.taint };
  }

  /** What has arrived of the test's own log, when the guest cannot be asked any more. */
  get arrived(): KernelLogEntry[] {
    return this.#since();
  }

  /** The same log from now on, as it is for a test that begins now: with every line whole. */
  async fromNow(name: string): Promise<KernelLogFollower> {
    await this.#reading.whole();
    return new KernelLogFollower(this.#reading, await this.#reading.mark(name));
  }

  /** What has arrived, from the boot on, as `dmesg` prints it; of a longer log its end, of so many characters. */
  asText(most: number): KernelLogText {
    const entries = this.#reading.log.entries.filter(({ text }) => text !== '');
    const lines: string[] = [];
    let left = most;
    for (let entry = entries.pop(); entry; entry = entries.pop()) {
      const line = formatEntry(entry);
      left -= line.length + 1;
      if (left < 0) {
        lines.push(`[${entries.length + 1} records before this are left out]`);
        break;
      }
      lines.push(line);
    }
    return { text: lines.reverse().join('\n'), epoch: this.#reading.epoch };
  }

  /** Ends the reader. What has arrived stays. */
  async stop(): Promise<void> {
    await this.#reading.stop();
  }

  #since(now?: LogMark): KernelLogEntry[] {
    const { log } = this.#reading;
    if (log === this.began.log) return log.entriesSince(this.began, now);
    // A new reader begins with the oldest record that there is.
    const entries = log.entries.slice(0, now?.position);
    const at = entries.findIndex(({ text }) => text === this.began.text);
    return at >= 0 ? entries.slice(at + 1) : [lossEntry({ count: undefined, where: 'overrun' }), ...entries];
  }
}
