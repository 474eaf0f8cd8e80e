/** A line is longer than the bound. */
export class LineTooLongError extends Error {
  override readonly name = 'LineTooLongError';
}

/**
 * Cuts a byte stream at its newlines. Bytes are decoded as UTF-8 one whole line at a time, so that a character that
 * arrives in two chunks stays whole.
 */
export class LineFramer {
  readonly #maxLineBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** @param maxLineBytes longest line that is accepted, without its newline. */
  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /**
   * @returns the lines that this chunk completes, without their newlines.
   * @throws {LineTooLongError} a line is longer than the bound; complete lines before it are given out first.
   */
  *push(chunk: Buffer): Generator<string> {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      this.#keep(chunk.subarray(start, end));
      start = end + 1;
      yield this.#take();
    }
    this.#keep(chunk.subarray(start));
  }

  /** @returns what came after the last newline, if anything did: the stream's end completes it. */
  end(): string | undefined {
    return this.#bytes > 0 ? this.#take() : undefined;
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#maxLineBytes) {
      throw new LineTooLongError(`a line of more than ${this.#maxLineBytes} bytes`);
    }
    if (part.length > 0) this.#parts.push(part);
  }

  #take(): string {
    const line = Buffer.concat(this.#parts).toString('utf8');
    this.#parts = [];
    this.#bytes = 0;
    return line;
  }
}
