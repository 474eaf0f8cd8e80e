import { budgetClock } from './budget-clock.js';

/**
 * Waits for a promise for some time at most, on the budgets' clock: 'timeout' if it has not settled by then. The promise itself goes on.
 *
 * @throws the signal's reason, as soon as it is aborted.
 */
export async function within<T>(
  milliseconds: number,
  promise: Promise<T>,
  signal?: AbortSignal,
): Promise<T | 'timeout'> {
  let cleanUp = (): void => undefined;
  const interrupted = new Promise<'timeout'>((resolve, reject) => {
    const cancel = budgetClock.after(milliseconds, () => {
      resolve('timeout');
    });
    const onAbort = (): void => {
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted === true) onAbort();
    cleanUp = () => {
      cancel();
      signal?.removeEventListener('abort', onAbort);
    };
  });
  try {
    return await Promise.race([promise, interrupted]);
  } finally {
    cleanUp();
  }
}
