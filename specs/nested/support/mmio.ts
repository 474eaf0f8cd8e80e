import {
  type AddressSpace,
  decodeSpte,
  type MmioKvmSpte,
  type PhysicalMemory,
  type SpteOptions,
  walk,
} from '../../../lib/paging/index.js';

/** The last entry of the second dimension's walk, which is no translation but an MMIO SPTE. */
export async function mmioSpte(
  memory: PhysicalMemory,
  space: AddressSpace,
  address: bigint,
  options: SpteOptions,
): Promise<MmioKvmSpte & { readonly reason: string | undefined }> {
  const walked = await walk(memory, space, address);
  const last = walked.steps.at(-1);
  const spte = decodeSpte(last?.raw ?? 0n, last?.level ?? 1, options);
  if (spte.state !== 'mmio') throw new TypeError(`0x${address.toString(16)} has no MMIO SPTE: ${spte.state}`);
  return { ...spte, reason: walked.fault?.reason };
}

/** What the program is told of a read of a device. */
export function mmioRead(address: bigint) {
  return { exit: 'mmio', address, size: 8, write: false, value: undefined };
}
