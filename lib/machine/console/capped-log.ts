import { closeSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';

const copyBytes = 1 << 20;

/**
 * A log file that never takes more than its cap on disk, and next to nothing in memory: the first half of the cap is kept, and
 * of what comes after it the last part, between a quarter and a half of the cap. While it is open, that last part lies beside
 * the file in `<path>.older` and `<path>.newer`, so that it survives the end of this process; `close()` joins them.
 *
 * Writes are synchronous: what was seen is in the file when a failure that was caused by it is reported.
 */
export class CappedLog {
  readonly path: string;
  readonly #headBytes: number;
  readonly #segmentBytes: number;
  #fd: number | undefined;
  #room: number;
  #inTail = false;
  #rotations = 0;
  #problem: Error | undefined;

  /** `capBytes` is at least 4. The file is readable by its owner only, and is begun anew if it exists. */
  constructor(path: string, capBytes: number) {
    if (!Number.isInteger(capBytes) || capBytes < 4) {
      throw new RangeError(`A log's cap is a whole number of bytes of at least 4, not ${capBytes}`);
    }
    this.path = path;
    this.#headBytes = Math.floor(capBytes / 2);
    this.#segmentBytes = Math.floor(capBytes / 4);
    this.#room = this.#headBytes;
    this.#fd = openSync(path, 'w', 0o600);
  }

  /** Why nothing more is written, for example a full disk. The log is an aid: it does not end the run that it describes. */
  get problem(): Error | undefined {
    return this.#problem;
  }

  /** Ignored after `close()` and after a problem. */
  write(chunk: Uint8Array): void {
    this.#attempt(() => {
      for (let rest = chunk; rest.length > 0 && this.#fd !== undefined;) {
        if (this.#room === 0) this.#nextSegment();
        const written = writeSync(this.#fd, rest, 0, Math.min(rest.length, this.#room));
        this.#room -= written;
        rest = rest.subarray(written);
      }
    });
  }

  /** Joins head and tail in one file, with a line between them that says how much was left out. Calling it again does nothing. */
  close(): void {
    if (this.#fd === undefined) return;
    this.#attempt(() => {
      if (this.#inTail) this.#join();
    });
    this.#closeFile();
  }

  #nextSegment(): void {
    this.#closeFile();
    if (this.#inTail) {
      renameSync(`${this.path}.newer`, `${this.path}.older`);
      this.#rotations++;
    }
    this.#inTail = true;
    this.#fd = openSync(`${this.path}.newer`, 'w', 0o600);
    this.#room = this.#segmentBytes;
  }

  #join(): void {
    this.#closeFile();
    this.#fd = openSync(this.path, 'a');
    // Each rotation but the first one threw a full segment away.
    const leftOut = Math.max(0, this.#rotations - 1) * this.#segmentBytes;
    if (leftOut > 0) writeSync(this.#fd, `\n[… ${leftOut} bytes left out …]\n`);
    for (const part of this.#rotations > 0 ? ['.older', '.newer'] : ['.newer']) {
      appendFile(this.#fd, this.path + part);
      rmSync(this.path + part);
    }
  }

  #closeFile(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) closeSync(fd);
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#problem ??= error as Error;
      this.#closeFile();
    }
  }
}

function appendFile(to: number, path: string): void {
  const buffer = Buffer.allocUnsafe(copyBytes);
  const from = openSync(path, 'r');
  try {
    for (let length = readSync(from, buffer); length > 0; length = readSync(from, buffer)) {
      for (let done = 0; done < length;) done += writeSync(to, buffer, done, length - done);
    }
  } finally {
    closeSync(from);
  }
}
