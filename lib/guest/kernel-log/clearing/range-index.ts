import type { UnclearedRange } from './line.js';

/** Finds the range that holds an address in logarithmic time: a log may have a range for every 2 MiB and be asked for every page. */
export class RangeIndex {
  readonly #ranges: readonly UnclearedRange[];

  constructor(ranges: readonly UnclearedRange[]) {
    this.#ranges = withoutOverlap(ranges);
  }

  holding(address: bigint): UnclearedRange | undefined {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle];
      if (range === undefined || address < range.start) high = middle;
      else if (address >= range.end) low = middle + 1;
      else return range;
    }
    return undefined;
  }
}

/** Sorted; of ranges that overlap (the same memory mapped twice) the one that begins first, then the longest, is kept. */
function withoutOverlap(ranges: readonly UnclearedRange[]): UnclearedRange[] {
  const sorted = [...ranges].sort((a, b) => compare(a.start, b.start) || compare(b.end, a.end));
  const kept: UnclearedRange[] = [];
  let covered = 0n;
  for (const range of sorted) {
    if (range.end <= covered) continue;
    const start = range.start > covered ? range.start : covered;
    kept.push({ ...range, start });
    covered = range.end;
  }
  return kept;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
