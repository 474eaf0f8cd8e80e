import { fieldMask, type Layout } from '../../../../lib/paging/index.js';

/** True if the fields name all 64 bits from 0 up, each exactly once. */
export function isWholeLayout(layout: Layout): boolean {
  const sorted = layout.every((field, index) => field.low === (layout[index - 1]?.high ?? -1) + 1);
  return sorted && layout.reduce((mask, field) => mask + fieldMask(field), 0n) === (1n << 64n) - 1n;
}
