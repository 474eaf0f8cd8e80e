import type { Console } from '../console/index.js';

/** What a strategy gets while it waits. */
export interface WaitContext {
  /** The machine's console, if it has one. */
  readonly console: Console | undefined;
  /** The console's line from which on its text counts. */
  readonly since: number;
  /** Aborts as soon as the wait is over for whatever reason: all that the strategy has begun must end then. */
  readonly signal: AbortSignal;
  /** Notes what was seen last, for the message of a wait that fails. */
  readonly saw: (what: string) => void;
  /** Waits for another strategy, within its own budget: for strategies made of strategies. */
  readonly run: (strategy: WaitStrategy) => Promise<void>;
}

/** What is waited for, as a value. It is not begun before it is given to `waitUntilReady`, and may be used again. */
export interface WaitStrategy {
  /** Completes "waiting for …", and names the stage that is reached when it is fulfilled. */
  readonly awaited: string;
  /** In milliseconds. Without it the parts' own budgets are the only ones. */
  readonly budgetMs?: number;
  /** The strategies that it is made of, if it is; they are the stages then. */
  readonly parts?: readonly WaitStrategy[];
  /** Resolves when it is fulfilled. Rejects only when waiting longer makes no sense. */
  readonly until: (context: WaitContext) => Promise<void>;
}

/** What all strategies have in common. */
export interface WaitOptions {
  /** In milliseconds. */
  budgetMs?: number;
  /** Instead of the strategy's own words for what it waits for, for example `the guest's ssh`. */
  awaited?: string;
}
