import type { FormatName } from '../../paging/entry.js';
import type { BitExpectation } from '../../paging/scan/page-run.js';
import type { Walk, WalkStep } from '../../paging/walk/result.js';
import { fieldMask, nameOf, touches } from '../svg/bits.js';

/** What is wrong with an entry: the bits, and a sentence. */
export interface Finding {
  bits: bigint;
  text: string;
}

/** The bits of which one must be set for an entry to be present. */
const PRESENT: Record<FormatName, bigint> = { x86: 1n, npt: 1n, ept: 7n, vtd: 3n };

/** Rules that an entry breaks, that it is not present, or (the leaf's) bits that are not as expected. */
export function findingsOf(step: WalkStep, walk: Walk, expected: BitExpectation): Finding[] {
  const findings = step.entry.violations.map(({ bits, message }) => ({ bits, text: message }));
  if (step.entry.kind === 'not-present') {
    findings.push({ bits: PRESENT[walk.format], text: 'the entry is not present' });
  }
  if (walk.mapped && walk.leaf.level === step.level) findings.push(...unexpected(step, expected));
  return findings;
}

/** One finding for each field of the entry with a bit that is not as expected. */
export function unexpected({ entry, raw }: WalkStep, { set = 0n, cleared = 0n }: BitExpectation): Finding[] {
  const offending = (raw & cleared) | (~raw & set);
  return entry.fields
    .filter((field) => touches(field, offending))
    .map((field) => {
      const isSet = touches(field, raw & offending);
      const words = isSet ? 'is set, expected clear' : 'is clear, expected set';
      return { bits: offending & fieldMask(field), text: `${nameOf(field)} ${words}` };
    });
}
