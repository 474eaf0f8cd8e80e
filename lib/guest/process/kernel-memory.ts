import {
  type AddressSpace,
  isNotRam,
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
  /** Physical addresses of pages, by virtual address: a task's members lie in the same few pages as its neighbours'. */
  readonly #pages = new Map<bigint, bigint>();

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
          'the symbols or the type information are of, or its lists changed while it ran. Give those of the kernel that runs, and stop the VM.',
      );
    }
    return bytes;
  }

  /** @returns undefined if part of it is not mapped or not memory */
  async tryRead(address: bigint, length: number): Promise<Buffer | undefined> {
    const end = address + BigInt(length);
    if (!isKernelAddress(address) || !isKernelAddress(end - 1n)) return undefined;
    const first = address & ~(pageSize - 1n);
    const pages = await this.#translate(first, Number((end - first + pageSize - 1n) / pageSize));
    if (pages === undefined) return undefined;
    const pieces: Promise<Uint8Array>[] = [];
    for (const [start, count] of joined(pages))
      pieces.push(this.#physical.read(start, count * Number(pageSize)));
    try {
      const skip = Number(address - first);
      return Buffer.concat(await Promise.all(pieces)).subarray(skip, skip + length);
    } catch (error) {
      if (isNotRam(error)) return undefined;
      throw error;
    }
  }

  async readPointer(address: bigint): Promise<bigint> {
    return (await this.read(address, 8)).readBigUInt64LE();
  }

  /** An entry of a top table, by the table's physical address. 0 where there is no memory. */
  async topTableEntry(table: bigint, index: number): Promise<bigint> {
    try {
      const bytes = await this.#physical.read(table + BigInt(index * 8), 8);
      return Buffer.from(bytes.buffer, bytes.byteOffset, 8).readBigUInt64LE();
    } catch (error) {
      if (isNotRam(error)) return 0n;
      throw error;
    }
  }

  /** The physical addresses of consecutive pages; undefined if one is not mapped. */
  async #translate(first: bigint, count: number): Promise<bigint[] | undefined> {
    const addresses = Array.from({ length: count }, (_, index) => first + BigInt(index) * pageSize);
    if (!addresses.every((address) => this.#pages.has(address))) {
      for (const page of await walkRange(this.#physical, this.space, first, count)) {
        if (page.physicalAddress !== undefined) this.#pages.set(page.address, page.physicalAddress);
      }
    }
    const found = addresses.flatMap((address) => this.#pages.get(address) ?? []);
    return found.length === count ? found : undefined;
  }
}

/** The upper half, with four levels of tables or five. */
export function isKernelAddress(address: bigint): boolean {
  return address >= 0xff00_0000_0000_0000n && address < 1n << 64n;
}

/** Pages that are neighbours in physical memory, taken together: first address and number of pages. */
function joined(pages: readonly bigint[]): [bigint, number][] {
  const runs: [bigint, number][] = [];
  for (const page of pages) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + BigInt(last[1]) * pageSize === page) last[1] += 1;
    else runs.push([page, 1]);
  }
  return runs;
}
