import {
  _PAGE_PRESENT,
  _PAGE_RW,
  _PAGE_USER,
  effectOfPin,
  joinHalves,
  type PageRun,
  PTE_PFN_MASK,
  type X86Entry,
} from '../../../paging/index.js';
import type { DmaTables } from '../dma-tables.js';
import type { DmaMapping } from '../mapping.js';
import type { Evidence } from './evidence.js';

/** Pages of a mapping, by what became of their entries and what the log says of them. Numbers from 0, ascending. */
export interface PageStates {
  /** Open to user mode when the mapping was made, nothing changed, and the log says that they were cleared. */
  readonly claimed: number[];
  /** Open, nothing changed, and nothing said. */
  readonly forgotten: number[];
  /** Open, and the log says so. */
  readonly skipped: number[];
  /** Closed, and nothing said. */
  readonly silent: number[];
  /** Closed when the mapping was made, and open now, on the same frame. */
  readonly reopened: number[];
  /** The same, on another frame. */
  readonly replaced: number[];
  /** The leaf is open, an entry of a level above is not. */
  readonly closedAbove: number[];
  /** Changed in another way than pinning and clearing `_PAGE_USER` do, grouped by how. */
  readonly altered: readonly Alteration[];
}

/** Entries that went wrong in the same way. */
export interface Alteration {
  readonly pages: number[];
  /** Bits that are not as they must be. */
  readonly wrong: bigint;
  /** Whether they name another frame than the one that was pinned. */
  readonly moved: boolean;
}

const userBit = Number(_PAGE_USER);
const frameLow = Number(PTE_PFN_MASK & 0xffff_ffffn);
const frameHigh = Number(PTE_PFN_MASK >> 32n);

/**
 * Sorts a mapping's pages. Whatever is not worth a closer look is compared as the numbers that it is: a big mapping has 65,536.
 *
 * @param isLogged whether the log has a pair of lines for the page
 * @param isSkipped whether the log says that the page was left alone
 */
export function sortPages(
  { mapping, after: now, device }: Pick<Evidence, 'mapping' | 'after' | 'device'>,
  isLogged: (page: number) => boolean,
  isSkipped: (page: number) => boolean,
): PageStates {
  const made = mapping.lookAfter.entries;
  const states = {
    ...{ claimed: [], forgotten: [], skipped: [], silent: [] },
    ...{ reopened: [], replaced: [], closedAbove: [] },
  } as Omit<PageStates, 'altered'>;
  const altered = new Map<string, Alteration>();
  const wasMapped = mappedFlags(mapping.before);
  const isMadeMapped = mappedFlags(made);
  const isNowMapped = mappedFlags(now);
  for (let page = 0; page < mapping.pages; page += 1) {
    const isOpen = isMadeMapped[page] === 1 && ((made.low[page] ?? 0) & userBit) !== 0;
    const isOpenNow = isNowMapped[page] === 1 && ((now.low[page] ?? 0) & userBit) !== 0;
    const { wrong, moved } = effectOn(mapping, device, page, wasMapped[page] === 1);
    if (wrong !== 0n || moved) {
      const group = altered.get(`${wrong} ${moved}`);
      if (group) group.pages.push(page);
      else altered.set(`${wrong} ${moved}`, { pages: [page], wrong, moved });
    } else if (isOpen && made.at(page)?.effectiveRights?.user === false) states.closedAbove.push(page);
    else if (isOpen && isSkipped(page) && !isLogged(page)) states.skipped.push(page);
    else if (isOpen) (isLogged(page) ? states.claimed : states.forgotten).push(page);
    else {
      if (!isLogged(page) && !isSkipped(page)) states.silent.push(page);
      if (isOpenNow) (differ(made, now, page).frame ? states.replaced : states.reopened).push(page);
    }
  }
  return { ...states, altered: [...altered.values()] };
}

const asItMustBe = { wrong: 0n, moved: false };

/** What was done to a page's entry beside clearing `_PAGE_USER`, and beside what pinning does. */
function effectOn(mapping: DmaMapping, device: DmaTables, page: number, wasMapped: boolean) {
  const { before, access } = mapping;
  const made = mapping.lookAfter.entries;
  const is = rawOf(made, page);
  if (!wasMapped)
    return { ...asItMustBe, wrong: access.write && (is & _PAGE_PRESENT) !== 0n ? _PAGE_RW & ~is : 0n };
  const { rest, frame, resized } = differ(before, made, page);
  // Nothing else was touched: so it is nearly always.
  const isPlain = !frame && !resized && (rest & ~userBit) === 0 && ((made.low[page] ?? 0) & 3) === 3;
  if (isPlain && ((before.low[page] ?? 0) & userBit) !== 0) return asItMustBe;
  const was = rawOf(before, page);
  const { wrong, moved } = effectOfPin(was, is | (was & _PAGE_USER), { write: access.write, resized });
  // The kernel may move a page and then pin it. What was pinned at the old place was moved in the entry alone.
  const pinned = moved ? device.pages?.at(page)?.physicalAddress : undefined;
  const isMisplaced =
    pinned !== undefined &&
    pinned === before.at(page)?.physicalAddress &&
    pinned !== made.at(page)?.physicalAddress &&
    (is & _PAGE_PRESENT) !== 0n;
  return { wrong, moved: isMisplaced };
}

/** How two runs differ in a page: bits of the lower half or of the upper half beside the frame's, its frame, its size. */
function differ(a: PageRun<X86Entry>, b: PageRun<X86Entry>, page: number) {
  const low = ((a.low[page] ?? 0) ^ (b.low[page] ?? 0)) >>> 0;
  const high = ((a.high[page] ?? 0) ^ (b.high[page] ?? 0)) >>> 0;
  return {
    rest: (low & ~frameLow) | (high & ~frameHigh),
    frame: ((low & frameLow) | (high & frameHigh)) !== 0,
    resized: a.level[page] !== b.level[page],
  };
}

function rawOf(run: PageRun<X86Entry>, page: number): bigint {
  return joinHalves(run.low[page] ?? 0, run.high[page] ?? 0);
}

function mappedFlags(run: PageRun<X86Entry>): Uint8Array {
  const flags = new Uint8Array(run.length).fill(1);
  for (const page of run.unmapped()) flags[page] = 0;
  return flags;
}
