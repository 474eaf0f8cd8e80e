import { runs } from './bit-field.js';
import { hex } from './bits.js';
import type { FormatName, Violation } from './entry.js';
import { levelName, type Level } from './level.js';
import { _PAGE_PSE } from './x86/bits.js';

/**
 * The reserved bits that an entry sets.
 *
 * @param doubts those that are reserved on some processors only, where this one's facts are not known
 */
export function reservedViolations(set: bigint, level: Level, doubts = 0n): Violation[] {
  const certain = set & ~doubts;
  const found: Violation[] = [];
  if (certain !== 0n) {
    const message = `reserved bits ${ranges(certain)} of a ${levelName(level)} entry are set (${hex(certain)})`;
    found.push({ rule: 'reserved-bits', bits: certain, message });
  }
  const large = set & doubts & _PAGE_PSE;
  if (large !== 0n) {
    const message = `1 GiB pages unknown: bit 7 of a ${levelName(level)} entry is set, which is reserved on a processor without them`;
    found.push({ rule: 'unknown-processor', bits: large, message });
  }
  const wide = set & doubts & ~_PAGE_PSE;
  if (wide !== 0n) {
    const message = `physical-address width unknown: bits ${ranges(wide)} of a ${levelName(level)} entry are set (${hex(wide)}), which are address bits or reserved`;
    found.push({ rule: 'unknown-processor', bits: wide, message });
  }
  return found;
}

/** What the hardware makes of an entry that breaks rules; unknown if it may break none. */
export function faultReason(
  format: FormatName,
  violations: readonly Violation[],
): 'reserved-bits' | 'misconfiguration' | 'unknown-processor' {
  if (violations.every(({ rule }) => rule === 'unknown-processor')) return 'unknown-processor';
  return format === 'ept' ? 'misconfiguration' : 'reserved-bits';
}

function ranges(set: bigint): string {
  return runs(set)
    .map(([high, low]) => (high === low ? `${low}` : `${high}:${low}`))
    .join(', ');
}
