import { oneLine } from '../../text/index.js';
import { type Rule, that } from '../../validate/index.js';
import type { KernelLogEntry } from './entry.js';

/** What a line must be: contain the string, match the expression, or satisfy the predicate. */
export type EntryPattern = string | RegExp | ((entry: KernelLogEntry) => boolean);

export const entryPattern: Rule<EntryPattern> = that(
  'a text, a regular expression or a predicate',
  (value) =>
    (typeof value === 'string' && value !== '') || value instanceof RegExp || typeof value === 'function',
);

/** The pattern as a predicate. The `g` and `y` flags, which would make an expression remember where it was, are taken off. */
export function matcherOf(pattern: EntryPattern): (entry: KernelLogEntry) => boolean {
  if (typeof pattern === 'function') return pattern;
  if (typeof pattern === 'string') return ({ text }) => text.includes(pattern);
  const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
  return ({ text }) => stateless.test(text);
}

/** The pattern for an error message. */
export function describePattern(pattern: EntryPattern): string {
  if (typeof pattern === 'function') return 'a line that satisfies the predicate';
  return typeof pattern === 'string' ? `'${oneLine(pattern)}'` : String(pattern);
}
