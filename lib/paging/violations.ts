import { runs } from './bit-field.js';
import { hex } from './bits.js';
import type { Violation } from './entry.js';
import { levelName, type Level } from './level.js';

/** The reserved bits that an entry sets, as one violation (or none). */
export function reservedViolations(set: bigint, level: Level): Violation[] {
  if (set === 0n) return [];
  const ranges = runs(set).map(([high, low]) => (high === low ? `${low}` : `${high}:${low}`));
  return [
    {
      rule: 'reserved-bits',
      bits: set,
      message: `reserved bits ${ranges.join(', ')} of a ${levelName(level)} entry are set (${hex(set)})`,
    },
  ];
}
