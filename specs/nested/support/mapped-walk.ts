import {
  type AddressSpace,
  type MappedWalk,
  type PhysicalMemory,
  type TableEntry,
  walk,
} from '../../../lib/paging/index.js';

/** A walk that leads to a page; any other is an error. */
export async function mappedWalk<E extends TableEntry>(
  memory: PhysicalMemory,
  space: AddressSpace<E>,
  address: bigint,
): Promise<MappedWalk<E>> {
  const walked = await walk(memory, space, address);
  if (!walked.mapped) throw new TypeError(walked.fault.message);
  return walked;
}
