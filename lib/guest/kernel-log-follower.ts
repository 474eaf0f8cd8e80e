import { KernelLog, type KernelLogEntry, type Mark } from './kernel-log/index.js';
import { withBroughtTools } from './tools/index.js';
import type { Guest, LineProcess } from './command-shell.js';

/**
 * The guest's own reader of /dev/kmsg where it has one (images/reference/tools), which goes on after an overrun and says so. `cat`
 * ends there, and the log with it.
 */
const follow = `${withBroughtTools}; command -v kmsg-follow > /dev/null && exec kmsg-follow; exec cat /dev/kmsg`;

/** How long the log may take to arrive to its end: the 131,072 lines of a 256 MiB mapping come through ssh. */
const arrivalMs = 60_000;

/**
 * The guest's kernel log, followed live from its first record on, with the place where a test began.
 */
export class KernelLogFollower {
  readonly log: KernelLog;
  /** What the kernel printed after this belongs to the test. */
  readonly began: Mark;
  readonly #reader: LineProcess;

  private constructor(log: KernelLog, began: Mark, reader: LineProcess) {
    this.log = log;
    this.began = began;
    this.#reader = reader;
  }

  /** @param test names the mark in the guest's own log */
  static async start(guest: Guest, test: string): Promise<KernelLogFollower> {
    const reader = await guest.spawn(['sh', '-c', follow]);
    const log = new KernelLog(chunksOf(reader), {
      format: 'kmsg',
      firstSequence: 0,
      write: async (line) => {
        await guest.shell('printf "%s\\n" "$1" > /dev/kmsg', {}, line);
      },
    });
    const began = await log.markThroughGuest(test, { timeoutMs: arrivalMs });
    return new KernelLogFollower(log, began, reader);
  }

  /** Everything that the kernel printed from the test's beginning until now; waits until all of it is here. */
  async entries(): Promise<KernelLogEntry[]> {
    const now = await this.log.markThroughGuest('read up to here', { timeoutMs: arrivalMs });
    return this.log.entriesSince(this.began, now);
  }

  /** The same log from now on, as it is for a test that begins now. */
  async fromNow(what: string): Promise<KernelLogFollower> {
    const now = await this.log.markThroughGuest(what, { timeoutMs: arrivalMs });
    return new KernelLogFollower(this.log, now, this.#reader);
  }

  async stop(): Promise<void> {
    await this.log.close();
    await this.#reader.kill();
  }
}

/** A guest process's lines as a channel. */
async function* chunksOf(reader: AsyncIterable<string>): AsyncGenerator<string, void> {
  for await (const line of reader) yield `${line}\n`;
}
