import {
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_RW,
  _PAGE_USER,
  type BitExpectation,
  effectOfPin,
  highHalf,
  joinHalves,
  lowHalf,
  type PageRun,
  PTE_PFN_MASK,
  type Rights,
  type X86Entry,
} from '../../../paging/index.js';
import type { KernelChange } from '../../../change/index.js';
import type { DmaTables } from '../dma-tables.js';
import type { DmaMapping } from '../mapping.js';
import type { Evidence } from './evidence.js';

/** Pages of a mapping, by what became of their entries and what the log says of them. Numbers from 0, ascending. */
export interface PageStates {
  /** Not as the change leaves pages when the mapping was made, nothing changed, and the log says that they were changed. */
  readonly claimed: number[];
  /** The same, and nothing said. */
  readonly forgotten: number[];
  /** The same, and the log says so. */
  readonly skipped: number[];
  /** As the change leaves them, not so before, and nothing said. */
  readonly silent: number[];
  /** The same, and the log says that they were left alone. */
  readonly denied: number[];
  /** As the change leaves them when the mapping was made, and no more, on the same frame. */
  readonly reopened: number[];
  /** The same, on another frame. */
  readonly replaced: number[];
  /** The leaf is not as the change leaves it, an entry of a level above is. */
  readonly closedAbove: number[];
  /** Changed in another way than pinning and the change do, grouped by how. */
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

const frameLow = Number(PTE_PFN_MASK & 0xffff_ffffn);
const frameHigh = Number(PTE_PFN_MASK >> 32n);

/**
 * Sorts a mapping's pages. Whatever is not worth a closer look is compared as the numbers that it is: a big mapping has 65,536.
 *
 * @param isLogged whether the log has a pair of lines for the page
 * @param isSkipped whether the log says that the page was left alone
 */
export function sortPages(
  { mapping, change, after: now, device }: Pick<Evidence, 'mapping' | 'change' | 'after' | 'device'>,
  isLogged: (page: number) => boolean,
  isSkipped: (page: number) => boolean,
): PageStates {
  const made = mapping.lookAfter.entries;
  const states = {
    ...{ claimed: [], forgotten: [], skipped: [], silent: [], denied: [] },
    ...{ reopened: [], replaced: [], closedAbove: [] },
  } as Omit<PageStates, 'altered'>;
  const effectOn = effects(mapping, change, device);
  const isLeft = leftIn(change.bits);
  const altered = new Map<string, Alteration>();
  const wasMapped = mappedFlags(mapping.before);
  const isMadeMapped = mappedFlags(made);
  const isNowMapped = mappedFlags(now);
  for (let page = 0; page < mapping.pages; page += 1) {
    const isOpen = isMadeMapped[page] === 1 && isLeft(made, page);
    const isOpenNow = isNowMapped[page] === 1 && isLeft(now, page);
    const { wrong, moved } = effectOn(page, wasMapped[page] === 1);
    if (wrong !== 0n || moved) {
      const group = altered.get(`${wrong} ${moved}`);
      if (group) group.pages.push(page);
      else altered.set(`${wrong} ${moved}`, { pages: [page], wrong, moved });
    } else if (isOpen && isDoneAbove(made.at(page)?.effectiveRights, change)) states.closedAbove.push(page);
    else if (isOpen && isSkipped(page) && !isLogged(page)) states.skipped.push(page);
    else if (isOpen) (isLogged(page) ? states.claimed : states.forgotten).push(page);
    else {
      const wasDone = wasMapped[page] === 1 && !isLeft(mapping.before, page);
      if (change.log && !wasDone && !isLogged(page))
        (isSkipped(page) ? states.denied : states.silent).push(page);
      if (isOpenNow && change.undoneBy === undefined)
        (differ(made, now, page).frame ? states.replaced : states.reopened).push(page);
    }
  }
  return { ...states, altered: [...altered.values()] };
}

/** Whether a page's entry is not as the change leaves it, seen without decoding it. */
function leftIn({ set = 0n, cleared = 0n }: BitExpectation) {
  const [setLow, setHigh, clearedLow, clearedHigh] = [
    lowHalf(set),
    highHalf(set),
    lowHalf(cleared),
    highHalf(cleared),
  ];
  return ({ low, high }: PageRun<X86Entry>, page: number): boolean => {
    const [lower, upper] = [low[page] ?? 0, high[page] ?? 0];
    return ((lower & clearedLow) | (upper & clearedHigh) | (~lower & setLow) | (~upper & setHigh)) !== 0;
  };
}

/** Whether an entry of a level above does what the change does to leaves (SDM vol. 3, 4.6: rights are those of all levels together). */
function isDoneAbove(
  effective: Rights | undefined,
  { bits: { set = 0n, cleared = 0n } }: KernelChange,
): boolean {
  if (effective === undefined) return false;
  return (
    ((cleared & _PAGE_USER) !== 0n && !effective.user) ||
    ((cleared & _PAGE_RW) !== 0n && !effective.write) ||
    ((set & _PAGE_NX) !== 0n && !effective.execute)
  );
}

const asItMustBe = { wrong: 0n, moved: false };

/** What was done to a page's entry beside the change, and beside what pinning does. */
function effects(mapping: DmaMapping, { bits, mask }: KernelChange, device: DmaTables) {
  const { before, access } = mapping;
  const { set = 0n, cleared = 0n } = bits;
  const made = mapping.lookAfter.entries;
  const free = (lowHalf(mask) & ~frameLow) | (highHalf(mask) & ~frameHigh);
  const isDoneInPart = leftIn({ set: cleared, cleared: set });
  return (page: number, wasMapped: boolean): typeof asItMustBe => {
    const is = rawOf(made, page);
    if (!wasMapped) {
      const missing = access.write && (is & _PAGE_PRESENT) !== 0n ? _PAGE_RW & ~(is | cleared) : 0n;
      return { ...asItMustBe, wrong: missing };
    }
    const { rest, frame, resized } = differ(before, made, page);
    // Nothing else was touched: so it is nearly always.
    const isPlain = !frame && !resized && (rest & ~free) === 0 && ((before.low[page] ?? 0) & 3) === 3;
    if (isPlain && !isDoneInPart(before, page)) return asItMustBe;
    const was = rawOf(before, page);
    // As it was before the change, which comes after the pin.
    const pinnedOnly = (is & ~(set & ~was)) | (was & cleared);
    const effect = effectOfPin(was, pinnedOnly, { write: access.write, resized });
    // A bit that is as the change wants it is right, whatever the pin made of it.
    const wrong = effect.wrong & ~((cleared & ~is) | (set & is));
    const { moved } = effect;
    // The kernel may move a page and then pin it. What was pinned at the old place was moved in the entry alone.
    const pinned = moved ? device.pages?.at(page)?.physicalAddress : undefined;
    const isMisplaced =
      pinned !== undefined &&
      pinned === before.at(page)?.physicalAddress &&
      pinned !== made.at(page)?.physicalAddress &&
      (is & _PAGE_PRESENT) !== 0n;
    return { wrong, moved: isMisplaced };
  };
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
