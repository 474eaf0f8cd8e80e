import { budgetClock, within } from '../../host/budget/index.js';
import { type ConnectionOptions, unreachable } from './connection-options.js';

/** How often it is asked whether the guest can answer at all while its answer is awaited, in ms. */
const lookMs = 1_000;
/** A debugger, or a look into memory, stops a VM for a moment: one that is found so this many times in a row was left so. */
const looks = 3;

/**
 * Waits for something that only the guest can do: 'timeout' if it has not done it by then. Somebody who waits for a guest that stands
 * still is told so within seconds, and not when all the time is spent.
 *
 * @throws {GuestUnreachableError} the guest's machine stands still and nobody lets it run.
 * @throws the connection's signal's reason, as soon as that is aborted.
 */
export async function answerWithin<T>(
  milliseconds: number,
  answer: Promise<T>,
  options: ConnectionOptions,
): Promise<T | 'timeout'> {
  const { signal, standstill } = options;
  if (!standstill) return await within(milliseconds, answer, signal);
  const deadline = budgetClock.now() + milliseconds;
  let inARow = 0;
  for (;;) {
    const left = deadline - budgetClock.now();
    const outcome = await within(Math.min(lookMs, left), answer, signal);
    if (outcome !== 'timeout' || left <= lookMs) return outcome;
    const state = await within(deadline - budgetClock.now(), Promise.race([standstill(), done(answer)]));
    inARow = state === undefined || state === 'timeout' ? 0 : inARow + 1;
    if (inARow < looks || typeof state !== 'string') continue;
    // What nobody waits for any more may fail unseen.
    answer.catch(() => undefined);
    throw unreachable(
      options,
      'VM stopped',
      `${state}, for ${((looks * lookMs) / 1000).toFixed(0)} s while an answer was awaited`,
    );
  }
}

/** Undefined as soon as the answer is there, however it ends: then its state is of no interest. */
function done(answer: Promise<unknown>): Promise<undefined> {
  return answer.then(
    () => undefined,
    () => undefined,
  );
}
