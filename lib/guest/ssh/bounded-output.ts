/** Collects a stream up to a cap. */
export class BoundedOutput {
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @returns whether all of it fitted; what did not is dropped. */
  add(chunk: Buffer): boolean {
    const fitting = chunk.subarray(0, this.#maxBytes - this.#bytes);
    this.#chunks.push(fitting);
    this.#bytes += fitting.length;
    return fitting.length === chunk.length;
  }

  content(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** Keeps the end of a stream. */
export class OutputTail {
  readonly #maxBytes: number;
  #tail = Buffer.alloc(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(chunk: Buffer): void {
    const both = Buffer.concat([this.#tail, chunk]);
    this.#tail = both.subarray(Math.max(0, both.length - this.#maxBytes));
  }

  content(): Buffer {
    return this.#tail;
  }
}
