import { setTimeout as after } from 'node:timers/promises';

import { _PAGE_PRESENT, type PageRun } from '../../paging/index.js';

/** Microseconds of a vCPU that runs, but KSM does it to one page after the other, and a recorder stops the VM at each write. */
const pauseMs = 10;
const mostLooks = 30;

/**
 * Looks at pages that were there, and again where an entry is empty: while a kernel changes an entry, as KSM and migration do, it is so for a
 * moment (`ptep_clear_flush`, mm/pgtable-generic.c, 6.1). What stays empty is gone.
 */
export async function settled<T>(
  before: PageRun,
  look: () => Promise<T>,
  entriesOf: (seen: T) => PageRun,
): Promise<T> {
  for (let looks = 1; ; looks += 1) {
    const seen = await look();
    if (looks === mostLooks || !isEmptied(before, entriesOf(seen))) return seen;
    await after(pauseMs);
  }
}

function isEmptied(before: PageRun, { low, high }: PageRun): boolean {
  const present = Number(_PAGE_PRESENT);
  return low.some(
    (bits, page) => bits === 0 && high[page] === 0 && ((before.low[page] ?? 0) & present) !== 0,
  );
}
