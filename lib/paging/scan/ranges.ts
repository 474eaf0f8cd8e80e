import { highHalf, lowHalf } from '../bits.js';
import type { TableEntry } from '../entry.js';
import { compileRules } from '../format.js';
import { levelSize, PAGE_SIZE, type Level } from '../level.js';
import { rightsFromBits } from '../rights.js';
import { pagesAt } from './columns.js';
import { firstUpperPage } from './gap.js';
import type { MappedRange } from './mapping.js';
import type { Scan } from './scan.js';
import { targetOf } from './tables.js';

export interface RangeOptions {
  /** Neighbours join only if they are neighbours in physical memory too. Default false. */
  readonly contiguous?: boolean;
  /** Neighbours join only if these bits of their leaf entries agree, besides rights and page size. Default none. */
  readonly sameBits?: bigint;
}

/**
 * Takes neighbouring mappings together: same page size, same leaf and effective rights, no gap. Linear time; a new array
 * each call, since the same scan may be asked in several ways.
 */
export function mappedRanges<E extends TableEntry>(scan: Scan<E>, options: RangeOptions = {}): MappedRange[] {
  const { contiguous = false, sameBits = 0n } = options;
  const sameLow = lowHalf(sameBits);
  const sameHigh = highHalf(sameBits);
  const { columns, space } = scan;
  const { format, levels } = space;
  const leafShape = ([1, 2, 3, 4, 5] as const).map((level) => compileRules(format.rules(level)).leaf);
  const upper = firstUpperPage(space);
  const ranges: MappedRange[] = [];
  let open: OpenRange | undefined;

  const close = (range: OpenRange): void => {
    const start = format.fullAddress(BigInt(range.firstPage) << 12n, levels);
    const pageSize = levelSize(range.level);
    ranges.push({
      start,
      end: start + BigInt(range.nextPage - range.firstPage) * PAGE_SIZE,
      mappings: range.mappings,
      pageSize,
      physicalAddress: BigInt(range.physical),
      contiguous: range.contiguous,
      leafRights: rightsFromBits(range.leaf),
      effectiveRights: rightsFromBits(range.effective),
    });
  };

  for (let row = 0; row < columns.length; row += 1) {
    const page = columns.pageNumber[row] ?? 0;
    const low = columns.low[row] ?? 0;
    const high = columns.high[row] ?? 0;
    const level = (columns.level[row] ?? 1) as Level;
    const effective = columns.effective[row] ?? 0;
    const leaf = format.rights(low, high);
    const shape = leafShape[level - 1];
    const physical = shape === undefined ? 0 : targetOf(shape, low, high);
    const pages = pagesAt(level);
    const joins =
      open?.nextPage === page &&
      page !== upper &&
      open.level === level &&
      open.effective === effective &&
      open.leaf === leaf &&
      ((open.low ^ low) & sameLow) === 0 &&
      ((open.high ^ high) & sameHigh) === 0 &&
      (!contiguous || open.nextPhysical === physical);
    if (open !== undefined && joins) {
      open.contiguous &&= open.nextPhysical === physical;
      open.nextPage += pages;
      open.nextPhysical = physical + pages * 4096;
      open.mappings += 1;
    } else {
      if (open !== undefined) close(open);
      open = {
        firstPage: page,
        nextPage: page + pages,
        physical,
        nextPhysical: physical + pages * 4096,
        level,
        low,
        high,
        leaf,
        effective,
        mappings: 1,
        contiguous: true,
      };
    }
  }
  if (open !== undefined) close(open);
  return ranges;
}

interface OpenRange {
  readonly firstPage: number;
  nextPage: number;
  readonly physical: number;
  nextPhysical: number;
  readonly level: Level;
  readonly low: number;
  readonly high: number;
  readonly leaf: number;
  readonly effective: number;
  mappings: number;
  contiguous: boolean;
}
