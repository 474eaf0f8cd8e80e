import { closestMatch } from 'leven';
import * as v from 'valibot';

import { shown } from './shown.js';

/** What a value must be, to be of type T. */
export type Rule<T> = v.GenericSchema<unknown, T>;

/** A key that may be left out; there, it may not be undefined. */
export type Optional<R extends Rule<unknown>> = v.ExactOptionalSchema<R, undefined>;
export const optional = <R extends Rule<unknown>>(rule: R): Optional<R> => v.exactOptional(rule);

const must =
  (wanted: string) =>
  ({ input }: { readonly input: unknown }): string =>
    `must be ${wanted}, not ${shown(input)}`;

/** @param wanted what it must be, with its article */
export function that<T>(wanted: string, holds: (value: unknown) => boolean): Rule<T> {
  return v.custom<T>(holds, must(wanted));
}

/** @param wanted what it is in the words of a spec's author, and where it is had from */
export function instance<T>(type: Class<T>, wanted: string): Rule<T> {
  return that(wanted, (value) => type[Symbol.hasInstance](value));
}

/** Of a class with a private constructor too. */
interface Class<T> {
  readonly prototype: T;
  [Symbol.hasInstance](value: unknown): boolean;
}

export const flag: Rule<boolean> = v.boolean(must('true or false'));

/** @param unit such as `pages` */
export function whole(from: number, to = Number.MAX_SAFE_INTEGER, unit?: string): Rule<number> {
  const end = to === Number.MAX_SAFE_INTEGER ? '' : ` to ${to}`;
  const message = must(`a whole number${unit === undefined ? '' : ` of ${unit}`} from ${from}${end}`);
  return v.pipe(
    v.number(message),
    v.safeInteger(message),
    v.minValue(from, message),
    v.maxValue(to, message),
  );
}

/** What a timer takes: a longer one would go off at once. */
export const milliseconds: Rule<number> = that(
  'a number of milliseconds above 0, of 24 days at most',
  (value) => typeof value === 'number' && value > 0 && value < 2 ** 31,
);

/** A number of up to 64 bits. @param wanted with its article; default: `a bigint` */
export function word(from = 0n, to = (1n << 64n) - 1n, wanted = 'a bigint'): Rule<bigint> {
  const message = must(`${wanted} from 0x${from.toString(16)}n to 0x${to.toString(16)}n`);
  return v.pipe(v.bigint(message), v.minValue(from, message), v.maxValue(to, message));
}

/** An address, of whatever kind. */
export const address: Rule<bigint> = word();

/** @param wanted with its article, an example among it */
export function text<T extends string = string>(pattern: RegExp, wanted: string): Rule<T> {
  const message = must(wanted);
  return v.pipe(v.string(message), v.regex(pattern, message)) as unknown as Rule<T>;
}

/** One of these words. */
export function oneOf<const T extends string>(words: readonly T[]): Rule<T> {
  return v.picklist(
    words,
    (issue) => `${must(`one of ${words.join(', ')}`)(issue)}${meant(issue.input, words)}`,
  );
}

export function listOf<T>(rule: Rule<T>): Rule<readonly T[]> {
  return v.array(rule, must('a list'));
}

/** One of two kinds of values, told apart by their type. */
export function either<A, B>(
  isFirst: (value: unknown) => boolean,
  first: Rule<A>,
  second: Rule<B>,
): Rule<A | B> {
  return v.lazy<Rule<A | B>>((value) => (isFirst(value) ? first : second));
}

/** A rule for each key of T; it does not compile when one is missing, or one is not optional that T has as optional. */
export type Rules<T> = {
  readonly [K in keyof T]-?: undefined extends T[K] ? Optional<Rule<Exclude<T[K], undefined>>> : Rule<T[K]>;
};

/** An object with these keys and no others. */
export function shape<T extends object>(rules: Rules<T>): Rule<T> {
  const known = Object.keys(rules);
  const keys = v.strictObject(rules as v.ObjectEntries, ({ expected, path }) => {
    if (expected !== 'never') return 'is missing';
    return `is not known${meant(path?.at(-1)?.key, known)} (known: ${known.join(', ')})`;
  });
  return v.pipe(
    v.custom<object>(isPlain, must(`an object with some of ${known.join(', ')}`)),
    keys,
  ) as unknown as Rule<T>;
}

/** A rule about a value as a whole, on top of one about its parts. @param otherwise what is said of it: `asks for nothing` */
export function also<T>(rule: Rule<T>, holds: (value: T) => boolean, otherwise: string): Rule<T> {
  return v.pipe(rule, v.check(holds, otherwise));
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** The word that was meant, where one is near, letters' case aside. */
function meant(word: unknown, known: readonly string[]): string {
  if (typeof word !== 'string' || word === '') return '';
  const lower = word.toLowerCase();
  const names = new Map(known.map((name) => [name.toLowerCase(), name]));
  const maxDistance = Math.max(Math.min(2, lower.length - 1), Math.floor(lower.length / 2));
  const near =
    [...names.keys()].find((name) => lower.length > 1 && name.startsWith(lower)) ??
    closestMatch(lower, [...names.keys()], { maxDistance });
  return near === undefined ? '' : `: did you mean '${names.get(near) ?? near}'?`;
}
