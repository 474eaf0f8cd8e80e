import {
  type MappedRange,
  mappedRanges,
  type PageRun,
  scan,
  type SecondLevelEntry,
  walkRange,
} from '../../paging/index.js';
import type { VfioProcess } from './process.js';

/** The IOMMU's translation of a range of device addresses, at one instant. */
export interface DmaTables {
  /** One row a page, mapped or not; undefined when the device has no tables. */
  readonly pages: PageRun<SecondLevelEntry> | undefined;
  /** Why the device has no tables. */
  readonly fault: string | undefined;
  /** All that the device can reach, by device address, in order. */
  readonly reachable: readonly MappedRange[];
}

/**
 * Reads the IOMMU's tables for a range of device addresses: each table once, not once for each page, so that 256 MiB take
 * milliseconds.
 */
export async function readDmaTables(process: VfioProcess, iova: bigint, pages: number): Promise<DmaTables> {
  const { machine, memory } = process.host;
  return await machine.paused(async () => {
    const space = await process.deviceView.tables(iova);
    if (typeof space === 'string') return { pages: undefined, fault: space, reachable: [] };
    const run = await walkRange(memory, space, iova, pages);
    return { pages: run, fault: undefined, reachable: mappedRanges(await scan(memory, space)) };
  });
}
