/** A channel under the spec's hand: what is sent arrives when it is asked for, and nothing ends until it is told to. */
export class Channel implements AsyncIterable<Uint8Array | string> {
  readonly #chunks: (Uint8Array | string)[] = [];
  #state: 'open' | 'ended' | Error = 'open';
  #wake: () => void = () => undefined;

  send(...chunks: (Uint8Array | string)[]): void {
    this.#chunks.push(...chunks);
    this.#wake();
  }

  end(): void {
    this.#state = 'ended';
    this.#wake();
  }

  fail(error: Error): void {
    this.#state = error;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array | string> {
    for (;;) {
      for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) yield chunk;
      if (this.#state instanceof Error) throw this.#state;
      if (this.#state === 'ended') return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
