import {
  type PageRun,
  secondLevelSpace,
  type SecondLevelEntry,
  walkRange,
  walkRangeSync,
} from '../../paging/index.js';
import type { VfioProcess } from './process.js';

/** The IOMMU's translation of a range of device addresses, at one instant. */
export interface DmaTables {
  /** One row a page, mapped or not; undefined when the device has no tables. */
  readonly pages: PageRun<SecondLevelEntry> | undefined;
  /** Why the device has no tables. */
  readonly fault: string | undefined;
  /** The pages before and after the range: a mapping of the range has no business with them. */
  readonly beside: PageRun<SecondLevelEntry>[];
}

const pageSize = 4096n;

/**
 * Reads the IOMMU's tables for a range of device addresses: each table once, not once for each page, so that 256 MiB take
 * milliseconds.
 *
 * @param iova above 0, so that there is a page before it
 */
export async function readDmaTables(process: VfioProcess, iova: bigint, pages: number): Promise<DmaTables> {
  const { machine, memory, syncMemory } = process.host;
  return await machine.paused(async () => {
    const { context, fault } = await process.deviceView.walk(iova);
    const { levels, table } = context?.entry ?? {};
    if (levels === undefined || table === undefined)
      return { pages: undefined, fault: fault?.message ?? 'it has no second-level tables', beside: [] };
    const space = secondLevelSpace({ table, levels });
    const look = async (from: bigint, count: number): Promise<PageRun<SecondLevelEntry>> =>
      syncMemory
        ? walkRangeSync(syncMemory, space, from, count)
        : await walkRange(memory, space, from, count);
    const beside = [await look(iova - pageSize, 1), await look(iova + BigInt(pages) * pageSize, 1)];
    return { pages: await look(iova, pages), fault: undefined, beside };
  });
}
