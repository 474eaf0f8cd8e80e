import { InfrastructureError } from '../errors.js';
import type { Guest, LineProcess } from './command-shell.js';
import { formatEntry, KernelLog, type KernelLogEntry, type Mark } from './kernel-log/index.js';
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

/** What the reader of a guest's log and those who look at it have in common. */
interface Reading {
  readonly log: KernelLog;
  readonly reader: LineProcess;
  /** ms since 1970 */
  epoch: number | undefined;
}

/** A place in the guest's own log. */
interface LogMark extends Mark {
  /** `/proc/sys/kernel/tainted` there. */
  readonly taint: bigint;
}

/**
 * The guest's kernel log, followed live from its first record on, with the place where a test began. One process in the guest reads it for
 * all who want to know.
 */
export class KernelLogFollower {
  readonly log: KernelLog;
  /** What the kernel printed after this belongs to the test. */
  readonly began: LogMark;
  readonly #reading: Reading;

  private constructor(reading: Reading, began: LogMark) {
    this.#reading = reading;
    this.log = reading.log;
    this.began = began;
  }

  /** @param name of the mark in the guest's own log */
  static async start(guest: Pick<Guest, 'spawn'>, name: string): Promise<KernelLogFollower> {
    const reader = await guest.spawn(['sh', '-c', follow, 'sh', leftOut]);
    const write = (line: string): Promise<void> => reader.writeLine(line);
    const log = new KernelLog(chunksOf(reader), { format: 'kmsg', firstSequence: 0, write });
    const reading = { log, reader, epoch: undefined };
    return new KernelLogFollower(reading, await markOf(reading, name));
  }

  /** Everything that the kernel printed from the test's beginning until now; waits until all of it is here. */
  async entries(): Promise<KernelLogEntry[]> {
    return (await this.window()).entries;
  }

  /** The same, and the kernel's taint now. The lines about cleared pages are without text, unless somebody wants them: see `fromNow`. */
  async window(
    timeoutMs = arrivalMs,
  ): Promise<{ readonly entries: KernelLogEntry[]; readonly taint: bigint }> {
    const now = await markOf(this.#reading, 'read up to here', timeoutMs);
    return { entries: this.log.entriesSince(this.began, now), taint: now.taint };
  }

  /** What has arrived of the test's own log, when the guest cannot be asked any more. */
  get arrived(): KernelLogEntry[] {
    return this.log.entriesSince(this.began);
  }

  /** The same log from now on, as it is for a test that begins now: with every line whole. */
  async fromNow(name: string): Promise<KernelLogFollower> {
    await this.#reading.reader.writeLine(all);
    return new KernelLogFollower(this.#reading, await markOf(this.#reading, name));
  }

  /** What has arrived, from the boot on, as `dmesg` prints it; of a longer log its end, of so many characters. */
  asText(most: number): KernelLogText {
    const entries = this.log.entries.filter(({ text }) => text !== '');
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
    await this.log.close();
    this.#reading.reader.closeStdin();
  }
}

async function markOf(reading: Reading, name: string, timeoutMs = arrivalMs): Promise<LogMark> {
  const mark = await reading.log.markThroughGuest(name, { timeoutMs });
  const { line: { text = '', time } = {} } = mark;
  const [, taint] = /, tainted (\d{1,20})\s*$/.exec(text) ?? [];
  if (taint === undefined)
    throw new InfrastructureError(
      `The guest's /proc/sys/kernel/tainted should hold a number: its log has '${text.slice(0, 200)}'. Is /proc mounted?`,
    );
  reading.epoch = time === undefined ? undefined : Date.now() - time * 1000;
  return { ...mark, taint: BigInt(taint) };
}

/** A guest process's lines as a channel. */
async function* chunksOf(reader: AsyncIterable<string>): AsyncGenerator<string, void> {
  for await (const line of reader) yield `${line}\n`;
}
