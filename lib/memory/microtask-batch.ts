interface Waiting<Request, Reply> {
  readonly request: Request;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

/** Bounds what is under way, and therefore buffered, at once: more does not make it faster. */
const MAX_BATCH = 16;

/**
 * Collects what is asked for in one turn of the event loop and runs it as one batch: callers that ask with `Promise.all` share
 * a round trip without knowing of each other. When a batch fails, each of its requests fails.
 */
export class MicrotaskBatch<Request, Reply> {
  readonly #run: (requests: readonly Request[]) => Promise<readonly Reply[]>;
  #waiting: Waiting<Request, Reply>[] = [];

  constructor(run: (requests: readonly Request[]) => Promise<readonly Reply[]>) {
    this.#run = run;
  }

  add(request: Request): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) {
        queueMicrotask(() => {
          const all = this.#waiting;
          this.#waiting = [];
          for (let at = 0; at < all.length; at += MAX_BATCH) void this.#settle(all.slice(at, at + MAX_BATCH));
        });
      }
      this.#waiting.push({ request, resolve, reject });
    });
  }

  async #settle(batch: readonly Waiting<Request, Reply>[]): Promise<void> {
    try {
      const replies = await this.#run(batch.map(({ request }) => request));
      batch.forEach(({ resolve }, index) => {
        resolve(replies[index] as Reply);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
