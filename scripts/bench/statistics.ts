/** The middle of the values; of an even number of them, the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Milliseconds that `work` takes, and its result. */
export async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const begin = performance.now();
  const result = await work();
  return { ms: performance.now() - begin, result };
}

/** A figure that is fit to be read: three significant digits. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/** Bytes as whole megabytes. */
export function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
