import { bit, highHalf, joinHalves, lowHalf } from './bits.js';

/** Which bit stands for which property of a decoded value: `{ present: 0, writable: 1 }`. */
export type FlagPositions = Readonly<Record<string, number>>;

/** The properties of such a table as booleans. */
export type Flags<T extends FlagPositions> = { readonly [K in keyof T]: boolean };

/** Reads each property of the table from its bit. The inverse of `writeFlags`. */
export function readFlags<T extends FlagPositions>(raw: bigint, positions: T): Flags<T> {
  // On 32-bit halves: a bigint shift per flag would make up most of the cost of decoding an entry.
  const low = lowHalf(raw);
  const high = highHalf(raw);
  const flags: Record<string, boolean> = {};
  for (const name in positions) {
    const position = positions[name] ?? 0;
    flags[name] = (((position < 32 ? low : high) >>> (position & 31)) & 1) === 1;
  }
  return flags as Flags<T>;
}

/** The value in which exactly the bits of the true properties are set. */
export function writeFlags<T extends FlagPositions>(values: Flags<T>, positions: T): bigint {
  let low = 0;
  let high = 0;
  for (const name in positions) {
    const position = positions[name] ?? 0;
    if (!values[name]) continue;
    if (position < 32) low |= 1 << position;
    else high |= 1 << (position & 31);
  }
  return joinHalves(low >>> 0, high >>> 0);
}

/** All bits that the table claims. */
export function flagMask(positions: FlagPositions): bigint {
  return Object.values(positions).reduce((mask, position) => mask | bit(position), 0n);
}
