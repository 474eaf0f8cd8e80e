import type { MapRange } from './model.js';

/** Consecutive ranges that share a row. */
export type Group = readonly [MapRange, ...MapRange[]];

const GIB = 1n << 30n;

/**
 * At most `most` groups of consecutive ranges. Gaps of a GiB and more divide first, the largest first, so that no row
 * spans user and kernel halves; then the group with the most ranges is divided at its largest gap (in its middle if it has
 * none), until every range has its own row or no row is left.
 */
export function group(ranges: readonly MapRange[], most: number): Group[] {
  const groups: Group[] = [];
  if (isGroup(ranges)) groups.push(ranges);
  while (groups.length < most) {
    const index = nextToDivide(groups);
    const chosen = index === undefined ? undefined : groups[index];
    if (index === undefined || chosen === undefined) break;
    const at = divide(chosen);
    const halves: (readonly MapRange[])[] = [chosen.slice(0, at), chosen.slice(at)];
    groups.splice(index, 1, ...halves.filter(isGroup));
  }
  return groups;
}

function nextToDivide(groups: readonly Group[]): number | undefined {
  let best: number | undefined;
  let widest = GIB - 1n;
  groups.forEach((each, index) => {
    const { gap } = largestGap(each);
    if (gap > widest) [best, widest] = [index, gap];
  });
  if (best !== undefined) return best;
  let longest = 1;
  groups.forEach((each, index) => {
    if (each.length > longest) [best, longest] = [index, each.length];
  });
  return best;
}

/** How many ranges stay in the first part. Below a GiB the gap must lie in the middle half, so that no part stays huge. */
function divide(each: Group): number {
  const whole = largestGap(each);
  if (whole.gap >= GIB) return whole.at;
  const quarter = Math.floor(each.length / 4);
  const inner = gapWithin(each, Math.max(1, quarter), Math.max(2, each.length - quarter));
  return inner.gap > 0n ? inner.at : Math.floor(each.length / 2);
}

const known = new WeakMap<Group, Gap>();

/** The largest gap of a group. Kept: the search asks for it once per group and row. */
function largestGap(each: Group): Gap {
  const found = known.get(each) ?? gapWithin(each, 1, each.length);
  known.set(each, found);
  return found;
}

/** A gap before the range with index `at`. */
interface Gap {
  gap: bigint;
  at: number;
}

/** The largest gap before a range with an index from `from` up to and without `to`. */
function gapWithin(each: Group, from: number, to: number): Gap {
  const largest = { gap: 0n, at: 0 };
  for (let index = from; index < to; index++) {
    const [before, range] = [each[index - 1], each[index]];
    if (before === undefined || range === undefined || range.start - before.end <= largest.gap) continue;
    largest.gap = range.start - before.end;
    largest.at = index;
  }
  return largest;
}

function isGroup(ranges: readonly MapRange[]): ranges is Group {
  return ranges.length > 0;
}
