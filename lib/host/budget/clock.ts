/** A sample is taken for answers that are further apart than this, in ms of the wall; it costs 0.2 ms. */
const sampleMs = 250;
/** A host that gives less of a CPU than this is out of order, and somebody is to be told: waiting has an end. */
const leastShare = 0.05;

/** What a host withheld is told from so many ms on. */
const leastToldMs = 1_000;

export interface ClockParts {
  /** Of each thread that is waited for, for how long it has waited for a CPU, in ms: see `runDelays`. */
  readonly delays: () => ReadonlyMap<string, number>;
  /** ms, growing. Default: `performance.now`. */
  readonly wall?: () => number;
  /** How many times as long everything may take. Default: 1. */
  readonly patience?: number;
}

/**
 * The clock of budgets. It goes as the wall's, but stands while a thread that is waited for is ready and gets no CPU: a busy host is no
 * reason to give something up. `patience` slows it down, for hosts that are slow without being busy.
 */
export class BudgetClock {
  readonly #delays: ClockParts['delays'];
  readonly #wall: () => number;
  readonly #patience: number;
  #sampledAt: number;
  #sampled: ReadonlyMap<string, number>;
  #time = 0;
  #told = 0;

  constructor({ delays, wall = () => performance.now(), patience = 1 }: ClockParts) {
    this.#delays = delays;
    this.#wall = wall;
    this.#patience = patience;
    this.#sampledAt = wall();
    this.#sampled = delays();
  }

  /** In ms. Differences are what it is for. */
  now(): number {
    const passed = this.#wall() - this.#sampledAt;
    if (passed < sampleMs) return this.#tell(this.#time + passed / this.#patience);
    return this.#sample();
  }

  /**
   * Calls `tell` once, when so much time has passed on this clock.
   *
   * @param tell gets a note for its message: empty, or what passed on the wall where that is much more
   * @param keepsAlive whether this process may not end meanwhile
   * @returns takes it back
   */
  after(ms: number, tell: (note: string) => void, keepsAlive = true): () => void {
    const begin = { time: this.now(), wall: this.#wall() };
    let timer: NodeJS.Timeout;
    const look = (): void => {
      const left = ms - (this.#sample() - begin.time);
      if (left >= 1) wait(left);
      else tell(this.#note(ms, this.#wall() - begin.wall));
    };
    const wait = (left: number): void => {
      timer = setTimeout(look, Math.min(left * this.#patience, 2 ** 31 - 1));
      if (!keepsAlive) timer.unref();
    };
    wait(ms);
    return () => {
      clearTimeout(timer);
    };
  }

  /** Aborts when so much time has passed on this clock. Keeps no process alive. */
  signal(ms: number): AbortSignal {
    const over = new AbortController();
    const abort = (): void => {
      over.abort(new DOMException(`${ms} ms have passed`, 'TimeoutError'));
    };
    this.after(ms, abort, false);
    return over.signal;
  }

  #sample(): number {
    const [wall, delays] = [this.#wall(), this.#delays()];
    const passed = wall - this.#sampledAt;
    const waits = [...delays].map(([thread, delay]) => delay - (this.#sampled.get(thread) ?? 0));
    const waited = Math.min(Math.max(0, ...waits), passed * (1 - leastShare));
    this.#time += (passed - waited) / this.#patience;
    [this.#sampledAt, this.#sampled] = [wall, delays];
    return this.#tell(this.#time);
  }

  /** What was told between two samples may have been too much. */
  #tell(time: number): number {
    this.#told = Math.max(this.#told, time);
    return this.#told;
  }

  #note(ms: number, wallMs: number): string {
    const share = (ms * this.#patience) / wallMs;
    if (share > 0.7 || wallMs * (1 - share) < leastToldMs) return '';
    return ` (${(wallMs / 1000).toFixed(1)} s passed: the host is busy, and gave ${share.toFixed(2)} CPU to what was waited for)`;
  }
}
