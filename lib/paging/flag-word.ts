import { ALL_BITS } from './bits.js';
import { flag, layout, type Decoded, type Layout } from './bit-field.js';
import { flagMask, readFlags, writeFlags, type Flags } from './flags.js';
import { assertRaw } from './raw.js';

/** A word of independent flags: each property with its bit, its official name and what it means when set. */
export type FlagDefinitions = Readonly<
  Record<string, { readonly bit: number; readonly name: string; readonly meaning: string }>
>;

type Positions<T extends FlagDefinitions> = { readonly [K in keyof T]: number };

/** A decoded word: one boolean per property, and the set bits that none of them stands for. */
export type FlagWordValue<Type extends string, T extends FlagDefinitions> = Decoded &
  Flags<Positions<T>> & { readonly type: Type; readonly otherBits: bigint };

/** Decoder and encoder of one kind of word. `encode(decode(x)) === x` for every 64-bit x. */
export interface FlagWord<Type extends string, T extends FlagDefinitions> {
  readonly fields: Layout;
  /** Throws InvalidArgumentError for a value that does not fit 64 unsigned bits. */
  readonly decode: (raw: bigint) => FlagWordValue<Type, T>;
  /** Composes the word from the properties; `raw` is not read. */
  readonly encode: (value: Omit<FlagWordValue<Type, T>, keyof Decoded>) => bigint;
}

/** Makes the codec of a word of flags. */
export function flagWord<const Type extends string, const T extends FlagDefinitions>(
  type: Type,
  definitions: T,
): FlagWord<Type, T> {
  const positions = Object.fromEntries(
    Object.entries(definitions).map(([property, definition]) => [property, definition.bit]),
  ) as Positions<T>;
  const known = flagMask(positions);
  const fields = layout(Object.values(definitions).map(({ bit, name, meaning }) => flag(bit, name, meaning)));
  return {
    fields,
    decode: (raw) => {
      assertRaw(raw, type);
      const flags = readFlags(raw, positions);
      return { type, raw, fields, ...flags, otherBits: raw & ~known };
    },
    encode: (value) =>
      writeFlags(value as unknown as Flags<Positions<T>>, positions) | (value.otherBits & ALL_BITS),
  };
}
