import type { TableEntry } from '../entry.js';
import type { AddressSpace } from '../format.js';
import { ENTRY_BYTES, levelsFrom, PAGE_SIZE, tableIndex } from '../level.js';
import { InvalidArgumentError, NotRamError } from '../paging-errors.js';
import type { PhysicalMemory, SyncPhysicalMemory } from '../physical-memory.js';
import type { Walk } from '../walk/result.js';
import { runAsync, runSync, type MemoryTask } from '../walk/task.js';
import { walkTask } from '../walk/walk.js';
import { Lister } from './list.js';
import { scanBounds } from './options.js';
import { PageRun } from './page-run.js';
import { readTables, type TableCache } from './tables.js';

/**
 * Translates `pages` pages of 4 KiB from `start` on, reading each table once: the way to look at a whole mapping.
 * Unlike a scan it has a row for every page, mapped or not.
 *
 * @param start First page, a multiple of 4096.
 * @param pages 1 to 16,777,216 (64 GiB).
 * @throws as `scan` does; InvalidArgumentError for a bad start or count.
 */
export function walkRange<E extends TableEntry>(
  memory: PhysicalMemory,
  space: AddressSpace<E>,
  start: bigint,
  pages: number,
): Promise<PageRun<E>> {
  return runAsync(walkRangeTask(space, start, pages), memory);
}

/** `walkRange` for a reader that needs no waiting. */
export function walkRangeSync<E extends TableEntry>(
  memory: SyncPhysicalMemory,
  space: AddressSpace<E>,
  start: bigint,
  pages: number,
): PageRun<E> {
  return runSync(walkRangeTask(space, start, pages), memory);
}

const MAX_PAGES = 2 ** 24;

/** The translation itself, which both of the above run. */
function* walkRangeTask<E extends TableEntry>(
  space: AddressSpace<E>,
  start: bigint,
  pages: number,
): MemoryTask<PageRun<E>> {
  if (!Number.isInteger(pages) || pages < 1 || pages > MAX_PAGES) {
    throw new InvalidArgumentError(`pages is ${pages}: one call translates 1 to ${MAX_PAGES} pages.`);
  }
  const range = { start, end: start + BigInt(pages) * PAGE_SIZE };
  // The number of pages bounds everything: at most one table per page and level is on the way.
  const bound = pages * 5 + 5;
  const bounds = scanBounds(space, { range, maxTables: bound, maxVisits: bound, maxMappings: pages });
  const tables = yield* readTables(space, bounds);
  const { mappings, holes } = new Lister(space, tables, bounds, true).list();
  const way = tablesTo(start, space, tables);
  const first = (): Walk<E> => runSync(walkTask(space, start), { readSync: readerOf(way) });
  return new PageRun(space, start, bounds.firstPage, pages, mappings, holes, first);
}

/** Of the tables that were read those on the way to an address: the others need not be kept for its walk. */
function tablesTo(address: bigint, { format, root, levels }: AddressSpace, tables: TableCache): TableCache {
  const way = new Map<number, DataView>();
  let at = Number(root);
  for (const level of levelsFrom(levels)) {
    const table = tables.get(at);
    if (!(table instanceof DataView)) break;
    way.set(at, table);
    const raw = table.getBigUint64(tableIndex(address, level) * ENTRY_BYTES, true);
    at = Number(raw & format.rules(level).tableAddress);
  }
  return way;
}

function readerOf(tables: TableCache): SyncPhysicalMemory['readSync'] {
  return (address, length) => {
    const offset = Number(address % PAGE_SIZE);
    const table = tables.get(Number(address) - offset);
    if (table instanceof DataView) return new Uint8Array(table.buffer, table.byteOffset + offset, length);
    throw new NotRamError(address);
  };
}
