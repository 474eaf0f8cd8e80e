import { AsyncLocalStorage } from 'node:async_hooks';

import { InfrastructureError } from '../errors.js';
import { Turns } from '../host/turns.js';

/** What a machine is stopped, and let run, for: a look that leaves no trace, or because somebody wants it so. */
export type Purpose = 'look' | 'wish';

/** How a kind of machine is stopped and let run. */
export interface RunSwitch {
  /** Stops the machine. Whether it ran. */
  stop(purpose: Purpose): Promise<boolean>;
  /** After a look: unless somebody else has made it stand meanwhile. */
  cont(purpose: Purpose): Promise<void>;
}

/** Code that has the machine stopped for a look wants it to run. */
class StoppedForLookError extends InfrastructureError {
  override readonly name = 'StoppedForLookError';
}

/**
 * The one owner of whether a machine runs. Looks, whoever stops and continues it on purpose, a debugger and whoever borrows the monitor go
 * through it: a machine that stood before a look stands after it, and looks that overlap share one stop.
 */
export class RunState {
  readonly #switch: RunSwitch;
  readonly #title: string;
  #looks = 0;
  /** Somebody stopped it on purpose. */
  #isToStand = false;
  /** The look that the machine was stopped for is on. */
  #isShared = false;
  /** The machine runs on after the last look. */
  #resume = false;
  /** Stopping and continuing wait for each other. */
  readonly #turns = new Turns();
  #noLook = Promise.resolve();
  #lastLookIsOver: () => void = () => undefined;
  /** The look that the code which asks runs in. */
  readonly #look = new AsyncLocalStorage<{ over: boolean }>();

  constructor(title: string, machine: RunSwitch) {
    this.#title = title;
    this.#switch = machine;
  }

  /** Whether the code that asks is inside `paused`: the machine stands until that code is done. */
  get pausedByCaller(): boolean {
    return this.#look.getStore()?.over === false;
  }

  /** Whether somebody stopped it on purpose, and nobody let it run since. */
  get isToStand(): boolean {
    return this.#isToStand;
  }

  /**
   * Runs `work` while the machine stands. May be nested. The machine runs on after the last look, if it ran before: looks share a stop that
   * begin while the one is on that it was made for, and later ones wait for the next, or looks in a row would keep the machine from running.
   */
  async paused<T>(work: () => Promise<T>): Promise<T> {
    const look = { over: false };
    // Whoever is in a look already has the machine, also where somebody else waits for its end.
    const isFirst = this.pausedByCaller ? this.#join() : await this.#begin();
    try {
      return await this.#look.run(look, work);
    } finally {
      look.over = true;
      await this.#turns.take(async () => {
        if (isFirst) this.#isShared = false;
        this.#looks -= 1;
        if (this.#looks > 0) return;
        this.#lastLookIsOver();
        if (this.#resume) await this.#switch.cont('look');
      });
    }
  }

  /** @returns whether the machine was stopped for this look */
  async #begin(): Promise<boolean> {
    for (;;) {
      const isFirst = await this.#turns.take(async () => {
        if (this.#looks > 0) return this.#isShared ? this.#join() : undefined;
        this.#resume = await this.#switch.stop('look');
        this.#noLook = new Promise((resolve) => (this.#lastLookIsOver = resolve));
        this.#isShared = true;
        this.#looks = 1;
        return true;
      });
      if (isFirst !== undefined) return isFirst;
      await this.#noLook;
    }
  }

  #join(): false {
    this.#looks += 1;
    return false;
  }

  /** Stops the machine for good: it stands after a look that is on, too. */
  async stop(): Promise<void> {
    await this.#turns.take(async () => {
      this.#resume = false;
      this.#isToStand = true;
      await this.#switch.stop('wish');
    });
  }

  /** Lets the machine run; after a look that is on. */
  async cont(): Promise<void> {
    await this.#turns.take(async () => {
      this.#resume = true;
      this.#isToStand = false;
      if (this.#looks === 0) await this.#switch.cont('wish');
    });
  }

  /**
   * Runs `work`, which may let the machine run or give it to somebody else, while nobody looks. Looks wait for it.
   *
   * @param what for the error, as in `let the VM run`
   * @throws InfrastructureError inside of `paused`: it would wait for itself
   */
  async betweenLooks<T>(what: string, work: () => Promise<T>): Promise<T> {
    if (this.pausedByCaller) {
      throw new StoppedForLookError(
        `${this.#title}: this code is in paused(), so that it cannot ${what}: do so before paused() or after it.`,
      );
    }
    for (;;) {
      await this.#noLook;
      const done = await this.#turns.take(async () =>
        this.#looks > 0 ? undefined : { value: await work() },
      );
      if (done) return done.value;
    }
  }
}
