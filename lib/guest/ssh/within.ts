/**
 * Waits for a promise for some time at most: 'timeout' if it has not settled by then. The promise itself goes on.
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
    const timer = setTimeout(resolve, milliseconds, 'timeout');
    const onAbort = (): void => {
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted === true) onAbort();
    cleanUp = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
  });
  try {
    return await Promise.race([promise, interrupted]);
  } finally {
    cleanUp();
  }
}
