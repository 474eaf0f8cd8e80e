/** Numbers from 0 up to `below`, not included. */
export type Random = (below: number) => number;

/** A generator whose numbers depend on the seed alone (mulberry32, enough to spread mutations). */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export interface FuzzOptions {
  /** Inputs to make and to feed, from 1. */
  readonly iterations: number;
  /** The same seed gives the same inputs. */
  readonly seed: number;
}

/**
 * Feeds that many inputs, and adds up what was met.
 *
 * @throws Error with seed and iteration, and what `feed` threw as its cause
 */
export function repeat<Counts extends Record<string, unknown>>(
  { iterations, seed }: FuzzOptions,
  counts: Counts,
  feed: (random: Random, iteration: number) => void,
): Counts & { slowestMs: number } {
  const random = randomFrom(seed);
  let slowestMs = 0;
  for (let iteration = 0; iteration < iterations; iteration += 1) {
    const began = performance.now();
    try {
      feed(random, iteration);
    } catch (cause) {
      throw new Error(`failed at seed ${seed}, iteration ${iteration}`, { cause });
    }
    slowestMs = Math.max(slowestMs, performance.now() - began);
  }
  return { ...counts, slowestMs };
}

/** True if the work is refused with a typed error of one of these kinds. Anything else that it throws is a failure. */
export function isRefused(
  work: () => unknown,
  ...kinds: (abstract new (...of: never[]) => Error)[]
): boolean {
  try {
    work();
    return false;
  } catch (error) {
    if (!(error instanceof Error && kinds.some((kind) => error instanceof kind))) throw error;
    if (error.message.length > 2_000)
      throw new Error('an error message is beyond its bound', { cause: error });
    return true;
  }
}

export function pick<T>(from: readonly T[], random: Random): T {
  const picked = from[random(from.length)];
  if (picked === undefined) throw new Error('Nothing to pick from.');
  return picked;
}

/** A random value of up to `bits` bits, with small and full values as likely as those between. */
export function randomBits(bits: number, random: Random): bigint {
  let value = 0n;
  for (let done = 0; done < bits; done += 16) value = (value << 16n) | BigInt(random(0x10000));
  return BigInt.asUintN(random(4) === 0 ? random(bits + 1) : bits, value);
}

/** Text after a few random edits: pieces cut, doubled, moved, overwritten, or put in from elsewhere (`tokens`, `corpus`). */
export function mutateText(
  text: string,
  corpus: readonly string[],
  tokens: readonly string[],
  random: Random,
): string {
  let mutated = text;
  for (let times = 1 + random(6); times > 0; times -= 1)
    mutated = mutateOnce(mutated, corpus, tokens, random);
  return mutated;
}

function mutateOnce(
  text: string,
  corpus: readonly string[],
  tokens: readonly string[],
  random: Random,
): string {
  const at = random(text.length + 1);
  const length = random(Math.min(400, text.length - at + 1));
  const [before, piece, after] = [text.slice(0, at), text.slice(at, at + length), text.slice(at + length)];
  switch (random(8)) {
    case 0:
      return before + after;
    case 1:
      return before + piece + piece + after;
    case 2:
      return before + after + piece;
    case 3: {
      const other = pick(corpus, random);
      return before + other.slice(random(other.length + 1)) + after;
    }
    case 4:
      return before + String.fromCharCode(random(256)) + text.slice(at + 1);
    case 5:
      return before + pick(tokens, random).repeat(1 + random(200)) + after;
    default:
      return before + pick(tokens, random) + after;
  }
}

/** Text cut into chunks at random places. */
export function cutText(text: string, random: Random): string[] {
  const chunks: string[] = [];
  const most = 1 + random(200);
  for (let at = 0; at < text.length;) {
    const length = 1 + random(most);
    chunks.push(text.slice(at, at + length));
    at += length;
  }
  return chunks;
}
