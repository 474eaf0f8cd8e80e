import type { Walk } from '../../paging/walk/result.js';
import { touches } from '../svg/bits.js';
import { formatBytes } from '../svg/bytes.js';
import { hex, hex64 } from '../svg/hex.js';
import { letters } from '../svg/letters.js';

/** Where a walk ended, in words. */
export function tellEnd(walk: Walk): string {
  if (!walk.mapped) return `${walk.fault.message}.`;
  const { address, physicalAddress, pageSize, effectiveRights, leafRights, format } = walk;
  return (
    `${hex(address)} translates to ${hex(physicalAddress)}, a ${formatBytes(pageSize)} page, ` +
    `effective rights ${letters(effectiveRights, format)}, leaf rights ${letters(leafRights, format)}.`
  );
}

/** Every entry of a walk in words, with the flags that are set. */
export function tellSteps(walk: Walk): string {
  return walk.steps
    .map((step) => {
      const flags = step.entry.fields
        .filter(({ role }) => role === 'flag')
        .filter((field) => touches(field, step.raw));
      const names = flags.length === 0 ? 'no flag set' : flags.map(({ name }) => name).join(', ');
      return `${step.name} entry ${step.index} at ${hex(step.entryAddress)} is ${hex64(step.raw)} (${names}).`;
    })
    .join(' ');
}
