import { setTimeout as delay } from 'node:timers/promises';
import { budgetClock } from '../budget/index.js';
import { InfrastructureError } from '../../errors.js';
import { untilGivenBack } from './holder.js';
import { acquireLease, type Lease } from './lease.js';
import type { LeaseScope } from './name.js';

export interface LockOptions {
  /** How long to wait for the lock, in milliseconds. Default: 10 minutes, an image build's time. */
  budgetMs?: number;
  /** Default: `user`. */
  scope?: LeaseScope;
  /** Called when the lock is taken by somebody else, with what the holder says of itself: for a line of progress. */
  onWait?: (holder: string) => void;
}

/** Somebody else kept the lock for longer than the waiter's budget. */
export class LockTimeoutError extends InfrastructureError {
  override readonly name = 'LockTimeoutError';
  readonly lock: string;
  /** What the holder said of itself, if it answered. */
  readonly holder: string | undefined;
  readonly budgetMs: number;

  constructor(lock: string, holder: string | undefined, budgetMs: number) {
    super(
      `Waited ${budgetMs / 1000} s for the lock "${lock}". ` +
        (holder === undefined
          ? 'Its holder accepted the question but did not answer: it is stopped or busy.'
          : `It is held by: ${holder}.`) +
        ' Wait for the holder to finish or end it, then run again.',
    );
    this.lock = lock;
    this.holder = holder;
    this.budgetMs = budgetMs;
  }
}

/** A process that was let down many times within a moment asks again at this pace: see the busy holder in holder.ts. */
const againAfterMs = 5;

/**
 * Waits for the lock called `name` and takes it. `holder` is what other waiters are told meanwhile, for example
 * `process 4711: building the reference image`.
 *
 * @throws LockTimeoutError when the lock is not free within the budget
 */
export async function acquireLock(name: string, holder: string, options: LockOptions = {}): Promise<Lease> {
  const { budgetMs = 600_000, scope = 'user', onWait } = options;
  const signal = budgetClock.signal(budgetMs);
  let lastHolder: string | undefined;
  for (;;) {
    const lease = await acquireLease(name, { scope, holder });
    if (lease) return lease;
    if (signal.aborted) throw new LockTimeoutError(name, lastHolder, budgetMs);
    const askedAt = performance.now();
    await untilGivenBack(name, {
      scope,
      signal,
      onHolder: (text) => {
        if (text !== lastHolder) onWait?.(text);
        lastHolder = text;
      },
    });
    // Refused at once although it is taken: the name is bound but not listened to yet, or the holder is overrun.
    if (performance.now() - askedAt < againAfterMs) await delay(againAfterMs);
  }
}

/** Runs `fn` while this process holds the lock called `name`. See {@link acquireLock}. */
export async function withLock<T>(
  name: string,
  holder: string,
  fn: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const lock = await acquireLock(name, holder, options);
  try {
    return await fn();
  } finally {
    await lock.release();
  }
}
