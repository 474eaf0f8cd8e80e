import {
  type AddressSpace,
  NotRamError,
  type PhysicalMemory,
  walk,
  walkRange,
  type X86Entry,
} from '../../paging/index.js';
import { ProcessSelectionError } from './errors.js';

const pageSize = 4096n;

/** Memory of the guest's kernel by virtual address, through its page tables, read from outside while the VM stands still. */
export class KernelMemory {
  readonly space: AddressSpace<X86Entry>;
  readonly #physical: PhysicalMemory;

  constructor(physical: PhysicalMemory, space: AddressSpace<X86Entry>) {
    this.#physical = physical;
    this.space = space;
  }

  /** @returns undefined if it is not mapped, or is no address at all */
  async physicalAddress(address: bigint): Promise<bigint | undefined> {
    if (!isKernelAddress(address)) return undefined;
    const found = await walk(this.#physical, this.space, address);
    return found.mapped ? found.physicalAddress : undefined;
  }

  /** Any length, over any number of pages. @throws ProcessSelectionError part of it is not mapped or not memory */
  async read(address: bigint, length: number): Promise<Buffer> {
    const bytes = await this.tryRead(address, length);
    if (bytes === undefined) {
      throw new ProcessSelectionError(
        `The kernel's memory at 0x${address.toString(16)} (${length} bytes) is not mapped: the kernel in the VM is not the one that ` +
          'the symbols or the type information are of, or its lists changed while it ran.',
      );
    }
    return bytes;
  }

  /** @returns undefined if part of it is not mapped or not memory */
  async tryRead(address: bigint, length: number): Promise<Buffer | undefined> {
    const end = address + BigInt(length);
    if (!isKernelAddress(address) || !isKernelAddress(end - 1n)) return undefined;
    const first = address & ~(pageSize - 1n);
    const pages = Number((end - first + pageSize - 1n) / pageSize);
    const run = await walkRange(this.#physical, this.space, first, pages);
    if (run.mappedCount < pages) return undefined;
    const pieces: Promise<Uint8Array>[] = [];
    for (let index = 0; index < pages;) {
      // Neighbours in physical memory are read in one piece.
      const start = physicalOf(run.at(index));
      let next = index + 1;
      while (next < pages && physicalOf(run.at(next)) === start + BigInt(next - index) * pageSize) next += 1;
      pieces.push(this.#physical.read(start, (next - index) * Number(pageSize)));
      index = next;
    }
    try {
      const skip = Number(address - first);
      return Buffer.concat(await Promise.all(pieces)).subarray(skip, skip + length);
    } catch (error) {
      if (error instanceof NotRamError) return undefined;
      throw error;
    }
  }

  async readPointer(address: bigint): Promise<bigint> {
    return (await this.read(address, 8)).readBigUInt64LE();
  }
}

/** The upper half, with four levels of tables or five. */
export function isKernelAddress(address: bigint): boolean {
  return address >= 0xff00_0000_0000_0000n && address < 1n << 64n;
}

function physicalOf(page: { readonly physicalAddress: bigint | undefined } | undefined): bigint {
  if (page?.physicalAddress === undefined) throw new TypeError('a page that is mapped has no physical address');
  return page.physicalAddress;
}
