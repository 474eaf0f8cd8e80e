import { ALL_BITS, bit, bits, highHalf, joinHalves, lowHalf } from '../bits.js';
import { fieldNames } from '../bit-field.js';
import type { TableEntry } from '../entry.js';
import { InvalidArgumentError } from '../paging-errors.js';
import { PAGE_SIZE, type Level } from '../level.js';
import { firstUpperPage } from '../scan/gap.js';
import type { Scan } from '../scan/scan.js';
import { Cursor } from './cursor.js';
import type { Change, ChangeKind, ChangeSide, ScanDiff } from './result.js';

export interface DiffOptions {
  /**
   * Bits whose change does not count, for instance `_PAGE_ACCESSED | _PAGE_DIRTY`, which hardware sets at any time.
   * Default none.
   */
  readonly ignore?: bigint;
}

/**
 * Compares two scans of one address space: what was mapped, unmapped or changed, in address order, neighbours with the
 * same change together. Time is linear in the number of mappings. A large page against the small pages that it was
 * split into counts as one `resized` change, with whatever bits changed too.
 *
 * @throws InvalidArgumentError if the scans are of different formats or depths.
 */
export function diffScans<E extends TableEntry>(
  before: Scan<E>,
  after: Scan<E>,
  options: DiffOptions = {},
): ScanDiff {
  if (before.space.format.name !== after.space.format.name || before.space.levels !== after.space.levels) {
    throw new InvalidArgumentError('Only scans of the same table format and depth can be compared.');
  }
  const differ = new Differ(before, after, options.ignore ?? 0n);
  return differ.run();
}

/** A stretch that may still grow. */
interface OpenChange {
  readonly kind: ChangeKind;
  readonly firstPage: number;
  nextPage: number;
  readonly before: ChangeSide | undefined;
  readonly after: ChangeSide | undefined;
  readonly setLow: number;
  readonly setHigh: number;
  readonly clearedLow: number;
  readonly clearedHigh: number;
  readonly moved: boolean;
  readonly resized: boolean;
  readonly rightsChanged: boolean;
  /** What neighbours must share besides: levels, rights and flags of the sides. */
  readonly alikeLow: number;
  readonly alikeHigh: number;
  readonly alike: number;
}

class Differ {
  readonly #before: Scan;
  readonly #after: Scan;
  /** By level (index 0 unused): the bits that count as flags, which are all but the address and the ignored ones. */
  readonly #flags: readonly { readonly low: number; readonly high: number }[];
  /** Flags that mean the same at every level: for a page whose size changed. */
  readonly #commonFlags: { readonly low: number; readonly high: number };
  readonly #changes: Change[] = [];
  readonly #pages = { mapped: 0, unmapped: 0, changed: 0 };
  readonly #upper: number;
  #open: OpenChange | undefined;

  constructor(before: Scan, after: Scan, ignore: bigint) {
    this.#before = before;
    this.#after = after;
    this.#upper = firstUpperPage(before.space);
    const { format } = before.space;
    this.#flags = ([1, 1, 2, 3, 4, 5] as const).map((level) =>
      halves(~(ignore | format.rules(level).leafAddress) & ALL_BITS),
    );
    // Bit 7 is PS or PAT, and from bit 12 on a large page has PAT where a small one has its address.
    this.#commonFlags = halves(~(ignore | bits(51, 12) | bit(7)) & ALL_BITS);
  }

  run(): ScanDiff {
    const before = new Cursor(this.#before);
    const after = new Cursor(this.#after);
    let page = Math.min(before.first, after.first);
    while (page !== Infinity) {
      const old = before.first <= page ? before : undefined;
      const now = after.first <= page ? after : undefined;
      // The stretch from here on in which neither side begins or ends a row.
      const end = Math.min(old ? old.end : before.first, now ? now.end : after.first);
      if (old && now) this.#compare(old, now, page, end);
      else if (old) this.#oneSided('unmapped', old, page, end);
      else if (now) this.#oneSided('mapped', now, page, end);
      if (before.end <= end) before.next();
      if (after.end <= end) after.next();
      page = Math.max(end, Math.min(before.first, after.first));
    }
    this.#close();
    return {
      changes: this.#changes,
      pages: this.#pages,
      complete: this.#before.complete && this.#after.complete,
      mappedBefore: (start, end) => mappedPages(this.#before, start, end),
    };
  }

  #compare(old: Cursor, now: Cursor, page: number, end: number): void {
    const resized = old.level !== now.level;
    const flags = resized ? this.#commonFlags : this.#flagsAt(old.level);
    const changedLow = (old.low ^ now.low) & flags.low;
    const changedHigh = (old.high ^ now.high) & flags.high;
    const moved = old.physicalAt(page) !== now.physicalAt(page);
    const rightsChanged = old.effective !== now.effective;
    if ((changedLow | changedHigh) === 0 && !moved && !resized && !rightsChanged) return;
    this.#add(page, end, {
      kind: 'changed',
      firstPage: page,
      nextPage: end,
      before: old.side(page),
      after: now.side(page),
      setLow: changedLow & now.low,
      setHigh: changedHigh & now.high,
      clearedLow: changedLow & old.low,
      clearedHigh: changedHigh & old.high,
      moved,
      resized,
      rightsChanged,
      alikeLow: 0,
      alikeHigh: 0,
      alike: old.level * 8 + now.level,
    });
  }

  #oneSided(kind: 'mapped' | 'unmapped', side: Cursor, page: number, end: number): void {
    this.#add(page, end, {
      kind,
      firstPage: page,
      nextPage: end,
      before: kind === 'unmapped' ? side.side(page) : undefined,
      after: kind === 'mapped' ? side.side(page) : undefined,
      setLow: 0,
      setHigh: 0,
      clearedLow: 0,
      clearedHigh: 0,
      moved: false,
      resized: false,
      rightsChanged: false,
      alikeLow: side.low & this.#flagsAt(side.level).low,
      alikeHigh: side.high & this.#flagsAt(side.level).high,
      alike: side.level * 32 + side.effective,
    });
  }

  #flagsAt(level: Level): { readonly low: number; readonly high: number } {
    return this.#flags[level] ?? this.#commonFlags;
  }

  #add(page: number, end: number, change: OpenChange): void {
    this.#pages[change.kind] += end - page;
    const open = this.#open;
    if (open?.nextPage === page && page !== this.#upper && alike(open, change)) {
      open.nextPage = end;
      return;
    }
    this.#close();
    this.#open = change;
  }

  #close(): void {
    const open = this.#open;
    if (open === undefined) return;
    const { format, levels } = this.#before.space;
    const start = format.fullAddress(BigInt(open.firstPage) << 12n, levels);
    const pages = open.nextPage - open.firstPage;
    const set = joinHalves(open.setLow >>> 0, open.setHigh >>> 0);
    const cleared = joinHalves(open.clearedLow >>> 0, open.clearedHigh >>> 0);
    this.#changes.push({
      kind: open.kind,
      start,
      end: start + BigInt(pages) * PAGE_SIZE,
      pages,
      before: open.before,
      after: open.after,
      set,
      cleared,
      names: this.#names(open, set, cleared),
      moved: open.moved,
      resized: open.resized,
      rightsChanged: open.rightsChanged,
    });
    this.#open = undefined;
  }

  #names(open: OpenChange, set: bigint, cleared: bigint): string[] {
    const side = open.after ?? open.before;
    if (side === undefined || (set | cleared) === 0n) return [];
    const { fields } = this.#after.space.format.decode(side.raw, side.level);
    return [
      ...fieldNames(fields, set).map((name) => `+${name}`),
      ...fieldNames(fields, cleared).map((name) => `-${name}`),
    ];
  }
}

/** Pages of a range that a scan found mapped. */
function mappedPages(scan: Scan, start: bigint, end: bigint): number {
  const numberOf = (address: bigint): number =>
    Number((address >> 12n) & ((1n << BigInt(9 * scan.space.levels)) - 1n));
  const [first, last] = [numberOf(start), numberOf(end - 1n)];
  let pages = 0;
  const row = new Cursor(scan);
  while (row.first <= last) {
    pages += Math.max(0, Math.min(row.end, last + 1) - Math.max(row.first, first));
    row.next();
  }
  return pages;
}

function halves(mask: bigint): { low: number; high: number } {
  return { low: lowHalf(mask), high: highHalf(mask) };
}

function alike(a: OpenChange, b: OpenChange): boolean {
  return (
    a.kind === b.kind &&
    a.setLow === b.setLow &&
    a.setHigh === b.setHigh &&
    a.clearedLow === b.clearedLow &&
    a.clearedHigh === b.clearedHigh &&
    a.moved === b.moved &&
    a.resized === b.resized &&
    a.rightsChanged === b.rightsChanged &&
    a.alike === b.alike &&
    a.alikeLow === b.alikeLow &&
    a.alikeHigh === b.alikeHigh
  );
}
