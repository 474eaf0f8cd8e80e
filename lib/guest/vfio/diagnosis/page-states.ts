import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_USER,
  type PageRun,
  PTE_PFN_MASK,
  type X86Entry,
} from '../../../paging/index.js';
import type { Evidence } from './evidence.js';

/** Pages of a mapping, by what became of their entries and what the log says of them. Numbers from 0, ascending. */
export interface PageStates {
  /** Still open to user mode, nothing changed, and the log says that they were cleared. */
  readonly claimed: number[];
  /** Still open, nothing changed, and nothing said. */
  readonly forgotten: number[];
  /** Still open, and the log says so. */
  readonly skipped: number[];
  /** Closed, and nothing said. */
  readonly silent: number[];
  /** Changed in another way than by clearing `_PAGE_USER`, grouped by what changed. */
  readonly altered: number[][];
}

const userBit = Number(_PAGE_USER);
/** The CPU sets these whenever it likes. It never clears them. */
const setByCpu = Number(_PAGE_ACCESSED | _PAGE_DIRTY);
const frameLow = Number(PTE_PFN_MASK & 0xffff_ffffn);
const frameHigh = Number(PTE_PFN_MASK >> 32n);

/**
 * Sorts a mapping's pages. Entries are compared as the numbers that they are: a big mapping has 65,536.
 *
 * @param isLogged whether the log has a pair of lines for the page
 * @param isSkipped whether the log says that the page was left alone
 */
export function sortPages(
  { mapping, after }: Pick<Evidence, 'mapping' | 'after'>,
  isLogged: (page: number) => boolean,
  isSkipped: (page: number) => boolean,
): PageStates {
  const { before } = mapping;
  const states = { claimed: [], forgotten: [], skipped: [], silent: [] } as Omit<PageStates, 'altered'>;
  const altered = new Map<string, number[]>();
  const wasMapped = mappedFlags(before);
  const isMapped = mappedFlags(after);
  for (let page = 0; page < mapping.pages; page += 1) {
    const low = after.low[page] ?? 0;
    const isOpen = isMapped[page] === 1 && (low & userBit) !== 0;
    const change = wasMapped[page] === 1 ? changeOf(before, after, page) : '';
    if (change !== '' && change !== cleared) {
      const group = altered.get(change);
      if (group) group.push(page);
      else altered.set(change, [page]);
    } else if (isOpen && isSkipped(page) && !isLogged(page)) states.skipped.push(page);
    else if (isOpen) (isLogged(page) ? states.claimed : states.forgotten).push(page);
    else if (!isLogged(page)) states.silent.push(page);
  }
  return { ...states, altered: [...altered.values()] };
}

/** `userBit` alone, as `changeOf` writes it. */
const cleared = `${userBit} 0 false`;

/** How an entry changed, as a key; empty when it did not. The frame counts as one thing, whichever it is now. */
function changeOf(before: PageRun<X86Entry>, after: PageRun<X86Entry>, page: number): string {
  const was = before.low[page] ?? 0;
  const is = after.low[page] ?? 0;
  const low = ((was ^ is) & ~(setByCpu & is & ~was)) >>> 0;
  const high = ((before.high[page] ?? 0) ^ (after.high[page] ?? 0)) >>> 0;
  const resized = before.level[page] !== after.level[page];
  if (low === 0 && high === 0 && !resized) return '';
  const moved = ((low & frameLow) | (high & frameHigh)) !== 0 || resized;
  return `${(low & ~frameLow) >>> 0} ${(high & ~frameHigh) >>> 0} ${String(moved)}`;
}

function mappedFlags(run: PageRun<X86Entry>): Uint8Array {
  const flags = new Uint8Array(run.length).fill(1);
  for (const page of run.unmapped()) flags[page] = 0;
  return flags;
}
