import type { Readable } from 'node:stream';
import { CappedLog } from './capped-log.js';
import { LineSplitter, type RawLine, stripControlCodes } from '../../text/index.js';

export interface ConsoleOptions {
  /** Where the raw output goes. */
  logFile: string;
  /** The most that the log takes on disk, in bytes. Default: 8 MiB. */
  capBytes?: number;
}

/** A line, or the beginning of one. Control codes are taken out, and its length is bounded. */
export interface ConsoleLine {
  readonly text: string;
  /** Counts complete lines from 0. A line that is not complete has the number that it will have. */
  readonly number: number;
  /** False for what stands at the end of the output without a newline, such as a prompt; it comes again as it grows. */
  readonly complete: boolean;
}

export type ConsoleListener = (line: ConsoleLine) => void;

/** How many lines an error shows. */
const tailLines = 50;

const defaultCap = 8 << 20;

/**
 * How much of the newest text is kept for those who begin to wait for a line that is already there. A pipe is read in pieces of
 * at most 64 KiB, so whoever waits for two lines one after the other never misses the second one in the same piece.
 */
const recentCharacters = 256 << 10;
/** In UTF-16 code units, before control codes are taken out. A kernel's line is at most about 1,000 long. */
const longestLine = 4_096;
/** Reckoned for each line beside its text, so that empty lines count too. */
const lineOverhead = 64;

/**
 * A machine's console: what it prints goes to a capped log and, line by line, to whoever listens. Guest output is untrusted:
 * neither memory nor disk grow with it, and a listener never sees control codes or an endless line.
 */
export class Console {
  readonly #log: CappedLog;
  readonly #listeners = new Set<ConsoleListener>();
  readonly #splitters = new Set<LineSplitter>();
  readonly #reading = new Set<Promise<void>>();
  readonly #recent: ConsoleLine[] = [];
  #recentSize = 0;
  #lineCount = 0;

  constructor({ logFile, capBytes = defaultCap }: ConsoleOptions) {
    this.#log = new CappedLog(logFile, capBytes);
  }

  /** The log's path. It is whole after `close()`; until then a long log's end lies beside it, in `.older` and `.newer`. */
  get logFile(): string {
    return this.#log.path;
  }

  /** Why the log is not complete, if it is not. */
  get logProblem(): Error | undefined {
    return this.#log.problem;
  }

  /** How many lines are complete: the number of the next one. */
  get lineCount(): number {
    return this.#lineCount;
  }

  /** The last lines, at most 50, and what stands after them without a newline. */
  get tail(): readonly ConsoleLine[] {
    return this.recent().slice(-tailLines);
  }

  /** What is still known of the lines from number `since` on, at most 256 Ki characters, and what stands after them. */
  recent(since = 0): readonly ConsoleLine[] {
    return [...this.#recent, ...this.#partials()].filter(({ number }) => number >= since);
  }

  /** Reads `stream` to its end; resolves then. Several streams (stdout and stderr) may be read at once. */
  attach(stream: Readable): Promise<void> {
    const splitter = new LineSplitter(longestLine);
    this.#splitters.add(splitter);
    stream.on('data', (chunk: Uint8Array | string) => {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      this.#log.write(bytes);
      for (const line of splitter.push(bytes)) this.#add(line);
      for (const line of partialOf(splitter)) this.#tell(this.#partial(line));
    });
    const ended = new Promise<void>((resolve) => {
      // 'close' follows both an end and an error; an error of a pipe from a process is an end like any other.
      stream.on('error', () => stream.destroy());
      stream.once('close', () => {
        this.#splitters.delete(splitter);
        for (const line of splitter.end()) this.#add(line);
        resolve();
      });
    });
    this.#reading.add(ended);
    void ended.then(() => this.#reading.delete(ended));
    return ended;
  }

  /** Resolves when every stream that is attached now has ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#reading);
  }

  /** Calls `listener` for every line from now on. Returns what ends that. */
  onLine(listener: ConsoleListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Completes the log. Output that comes later is still told to listeners but not kept. */
  close(): void {
    this.#log.close();
  }

  #add(raw: RawLine): void {
    const text = shown(raw);
    const line = { text, number: this.#lineCount++, complete: true };
    this.#recent.push(line);
    this.#recentSize += text.length + lineOverhead;
    while (this.#recentSize > recentCharacters) {
      this.#recentSize -= (this.#recent.shift()?.text.length ?? 0) + lineOverhead;
    }
    this.#tell(line);
  }

  #tell(line: ConsoleLine): void {
    for (const listener of this.#listeners) listener(line);
  }

  #partials(): ConsoleLine[] {
    return [...this.#splitters].flatMap(partialOf).map((line) => this.#partial(line));
  }

  #partial(line: RawLine): ConsoleLine {
    return { text: shown(line), number: this.#lineCount, complete: false };
  }
}

/** What has begun and would show: a line may hold nothing but control codes so far. */
function partialOf({ partial }: LineSplitter): RawLine[] {
  return partial === undefined || shown(partial) === '' ? [] : [partial];
}

function shown({ text, dropped }: RawLine): string {
  const visible = stripControlCodes(text);
  return dropped === 0 ? visible : `${visible} [${dropped} more characters]`;
}
