import type { Layout } from '../../paging/bit-field.js';
import type { Violation } from '../../paging/entry.js';

/** A 64-bit value, or two of them to be compared bit by bit. */
export interface RegisterDiagram {
  title: string;
  subtitle?: string;
  /** Names of the bits: the `fields` of any decoded value. */
  fields: Layout;
  value: RegisterValue;
  /** What `value` should have been, or became: drawn under it, with each differing bit marked. */
  other?: RegisterValue;
  /** Bits of `value` that break a rule, marked as well, and the rule in words: an entry's `violations`. */
  violations?: readonly Violation[];
}

export interface RegisterValue {
  /** Such as `seen`, `expected`, `before`, `after`: at most 8 characters are shown. */
  label: string;
  raw: bigint;
}

/** The bits to be marked: those that differ and those that break a rule. */
export function markedBits({ value, other, violations = [] }: RegisterDiagram): bigint {
  const differing = other === undefined ? 0n : BigInt.asUintN(64, value.raw ^ other.raw);
  return violations.reduce((mask, violation) => mask | violation.bits, differing);
}
