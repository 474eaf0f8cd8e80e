import type { KernelChange } from '../change/index.js';
import type { GuestCall } from '../guest/vfio/process.js';
import {
  _PAGE_GLOBAL,
  _PAGE_NX,
  _PAGE_PAT,
  _PAGE_PCD,
  _PAGE_PRESENT,
  _PAGE_PWT,
  _PAGE_RW,
  _PAGE_USER,
  PTE_PFN_MASK,
} from '../paging/index.js';
import type { EntryState, PteHistory, PteWrite } from './history.js';

/** What went wrong with a page, the write that did it first. */
export interface Violation {
  readonly page: number;
  /** `page 3 became open to user mode again 412 ms after the map returned` */
  readonly what: string;
  /** Undefined: that there was none is what is wrong. */
  readonly write: PteWrite | undefined;
}

/** Whether a page is there, and not as the change leaves it. */
export function isOpen({ raw }: EntryState, change: KernelChange): boolean {
  return (raw & _PAGE_PRESENT) !== 0n && !change.isDone(raw);
}

/** What a page fault leaves as it is: it brings a frame, and sets _PAGE_RW, accessed and dirty bits. */
const fixed = _PAGE_NX | _PAGE_PWT | _PAGE_PCD | _PAGE_PAT | _PAGE_GLOBAL;

/** Whether an entry of a page that stays where it is got other rights, or another memory type, than the change gives. */
function isStray({ before, after }: PteWrite, change: KernelChange): boolean {
  const differ = before.raw ^ after.raw;
  const stays = (before.raw & after.raw & _PAGE_PRESENT) !== 0n && (differ & PTE_PFN_MASK) === 0n;
  return stays && before.level === 1 && after.level === 1 && (differ & fixed & ~change.mask) !== 0n;
}

/** The operation that mapped the recorded memory for DMA, the last one; undefined when it was mapped before it was recorded. */
export function mapCall(history: PteHistory): GuestCall | undefined {
  const map = lastMap(history);
  return map && map.sent >= history.began ? map : undefined;
}

function lastMap({ calls, range }: PteHistory): GuestCall | undefined {
  return calls.findLast(
    ({ op, pid, vaddr, size = 0n }) =>
      (op === 'map' || op === 'touchMapTouch') &&
      vaddr !== undefined &&
      (range.pid === undefined || pid === range.pid) &&
      vaddr <= range.address &&
      range.address < vaddr + size,
  );
}

/**
 * What kept pages from being changed exactly once, while they were mapped, and for good, one for each page at most, by time.
 *
 * @param map what mapped them
 */
export function notChangedOnce(history: PteHistory, change: KernelChange, map: GuestCall): Violation[] {
  const found = pagesOf(history).flatMap((page): Violation | [] => {
    const writes = history.raw.filter((each) => each.page === page);
    const first = writes.findLast(({ at }) => at < map.sent)?.after ?? history.first[page] ?? absent;
    let open = isOpen(first, change);
    // A page that is not there yet comes as the kernel makes it.
    let done = !open && (first.raw & _PAGE_PRESENT) !== 0n;
    for (const write of writes.filter(({ at }) => at >= map.sent)) {
      const was = open;
      open = isOpen(write.after, change);
      // A page that is taken out, to come back elsewhere, is neither.
      const isDone = !open && (write.after.raw & _PAGE_PRESENT) !== 0n;
      const when = instant(write.at, map);
      const isInside = write.at <= (map.answered ?? Infinity);
      if (isInside && isStray(write, change))
        return { page, what: `page ${page} had bits changed that are none of the change's ${when}`, write };
      if (open && !was && done)
        return { page, what: `page ${page} became ${change.states.left} again ${when}`, write };
      if (!isDone || (done && !was)) continue;
      done = true;
      if (!isInside)
        return {
          page,
          what: `page ${page} came to be ${change.states.done} ${when}, not within the map`,
          write,
        };
    }
    return done
      ? []
      : { page, what: `page ${page} never came to be ${change.states.done}`, write: undefined };
  });
  return byTime(found);
}

/** Pages that were as the change leaves them since they were mapped, or recorded, and then were not, or were otherwise on the way, whatever they are now. */
export function undone(history: PteHistory, change: KernelChange): Violation[] {
  const map = mapCall(history);
  if (map !== undefined)
    return notChangedOnce(history, change, map).filter(
      ({ write }) => write && (isOpen(write.after, change) || isStray(write, change)),
    );
  const found = pagesOf(history).flatMap((page): Violation | [] => {
    const first = history.first[page] ?? absent;
    if (isOpen(first, change) || (first.raw & _PAGE_PRESENT) === 0n) return [];
    const write = history.raw.find((each) => each.page === page && isOpen(each.after, change));
    if (write === undefined) return [];
    const when = instant(write.at, lastMap(history));
    return { page, what: `page ${page} became ${change.states.left} again ${when}`, write };
  });
  return byTime(found);
}

/** Rights that pages must not give to the process. */
export interface Allowance {
  /** To be read in user mode. */
  readonly user?: boolean;
  /** To be written to in user mode. */
  readonly write?: boolean;
  /** ms since 1970; default: the recording's begin. */
  readonly since?: number;
  /** ms since 1970; default: now. */
  readonly until?: number;
}

/** Pages that gave one of these rights, one violation for each at most, by time. */
export function allowances(
  history: PteHistory,
  { write: forbidsWrite, since = history.began, until = Infinity }: Allowance,
): Violation[] {
  const bits = _PAGE_PRESENT | _PAGE_USER | (forbidsWrite === true ? _PAGE_RW : 0n);
  const words = forbidsWrite === true ? 'writable in user mode' : 'accessible in user mode';
  const map = mapCall(history);
  const allows = ({ raw }: EntryState): boolean => (raw & bits) === bits;
  const found = pagesOf(history).flatMap((page): Violation | [] => {
    const writes = history.raw.filter((each) => each.page === page);
    const before = writes.findLast(({ at }) => at < since);
    if (allows(before?.after ?? history.first[page] ?? absent))
      return { page, what: `page ${page} was ${words} from the beginning`, write: before };
    const write = writes.find((each) => each.at >= since && each.at <= until && allows(each.after));
    return write ? { page, what: `page ${page} became ${words} ${instant(write.at, map)}`, write } : [];
  });
  return byTime(found);
}

const absent: EntryState = { level: 1, raw: 0n, at: 0n };

function pagesOf({ first }: PteHistory): number[] {
  return first.map((_, page) => page);
}

function byTime(found: readonly Violation[]): Violation[] {
  const time = ({ write }: Violation): number => write?.at ?? Infinity;
  return [...found].sort((a, b) => time(a) - time(b));
}

/** A time told by the mapping. */
function instant(at: number, map: GuestCall | undefined): string {
  if (map === undefined) return `at ${new Date(at).toISOString()}`;
  if (at < map.sent) return `${map.sent - at} ms before the map`;
  const { answered = Infinity } = map;
  return at <= answered ? 'while the map was under way' : `${at - answered} ms after the map returned`;
}
