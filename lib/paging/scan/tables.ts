import { compileRules, isBroken, type AddressSpace, type CompiledRules } from '../format.js';
import { ENTRIES_PER_TABLE, levelsFrom, TABLE_BYTES, type Level } from '../level.js';
import type { MemoryTask, ReadReply } from '../walk/task.js';
import { pagesAt } from './columns.js';
import type { ScanBounds } from './options.js';

/** What was read of each table: its bytes, or why it could not be read. Keyed by physical address. */
export type TableCache = ReadonlyMap<number, DataView | (Error & { readonly notRamAt: bigint })>;

/** A table to go through, and the page number that its first entry translates. */
interface Place {
  readonly table: number;
  readonly firstPage: number;
}

/** Reads per batch: enough to keep a pipelined reader busy, few enough to bound what is in flight (1 MiB). */
const BATCH = 256;

/**
 * Reads every table that the range needs, level by level, each once however many entries point to it. All tables of a
 * level are asked for together, so a slow reader pays a handful of round trips and not one per table.
 *
 * Stops at `maxTables`: tables that are missing from the result were not reached.
 */
export function* readTables(space: AddressSpace, bounds: ScanBounds): MemoryTask<TableCache> {
  const cache = new Map<number, DataView | (Error & { readonly notRamAt: bigint })>();
  let places: Place[] = [{ table: Number(space.root), firstPage: 0 }];

  for (const level of levelsFrom(space.levels)) {
    const wanted = [...new Set(places.map((place) => place.table))].filter((table) => !cache.has(table));
    wanted.length = Math.min(wanted.length, bounds.maxTables - cache.size);
    for (let from = 0; from < wanted.length; from += BATCH) {
      const batch = wanted.slice(from, from + BATCH);
      const replies = yield batch.map((table) => ({ address: BigInt(table), length: TABLE_BYTES }));
      batch.forEach((table, position) => {
        const reply = replies[position];
        if (reply !== undefined) cache.set(table, asTable(reply));
      });
    }
    if (level > 1)
      places = childPlaces(compileRules(space.format.rules(level)), level, places, cache, bounds);
  }
  return cache;
}

function asTable(reply: ReadReply): DataView | (Error & { readonly notRamAt: bigint }) {
  return reply instanceof Error ? reply : new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
}

/**
 * The tables that the entries of these tables point to, in address order. A child is listed once, however often it occurs:
 * going through it a second time would find nothing new to read. The one exception is the child that the range begins
 * within, of which only a part is gone through.
 */
function childPlaces(
  rules: CompiledRules,
  level: Level,
  places: readonly Place[],
  cache: TableCache,
  bounds: ScanBounds,
): Place[] {
  const children: Place[] = [];
  const seen = new Set<number>();
  const pages = pagesAt(level);
  const { present, leafBit } = rules;
  for (const { table, firstPage } of places) {
    const view = cache.get(table);
    if (!(view instanceof DataView)) continue;
    const { from, to } = indexRange(firstPage, pages, bounds);
    for (let index = from; index < to; index += 1) {
      const low = view.getUint32(index * 8, true);
      if ((low & present) === 0 || (low & leafBit) !== 0) continue;
      const high = view.getUint32(index * 8 + 4, true);
      if (isBroken(rules.table, low, high)) continue;
      const child = targetOf(rules.table, low, high);
      const childPage = firstPage + index * pages;
      // Going up in addresses, only a child at the range's beginning can be needed more fully later on.
      const fromItsStart = childPage >= bounds.firstPage;
      if (fromItsStart && seen.has(child)) continue;
      if (fromItsStart) seen.add(child);
      children.push({ table: child, firstPage: childPage });
    }
  }
  return children;
}

/** The entries of a table that lie in the range: `from` included, `to` not. */
export function indexRange(
  firstPage: number,
  pages: number,
  bounds: ScanBounds,
): { from: number; to: number } {
  return {
    from: Math.max(0, Math.floor((bounds.firstPage - firstPage) / pages)),
    to: Math.min(ENTRIES_PER_TABLE, Math.ceil((bounds.endPage - firstPage) / pages)),
  };
}

/** The physical address in an entry, as a number: 52 bits at most, which a float holds exactly. */
export function targetOf(
  shape: { readonly addressLow: number; readonly addressHigh: number },
  low: number,
  high: number,
): number {
  return ((high & shape.addressHigh) >>> 0) * 0x1_0000_0000 + ((low & shape.addressLow) >>> 0);
}
