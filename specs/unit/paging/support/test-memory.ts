import { NotRamError, type SyncPhysicalMemory } from '../../../../lib/paging/index.js';

/** Sparse physical memory for tests: only pages that were written exist. Counts and records what is read. */
export class TestMemory implements SyncPhysicalMemory {
  readonly #pages = new Map<bigint, Uint8Array>();
  /** Every read so far, in order. */
  readonly reads: { readonly address: bigint; readonly length: number }[] = [];

  /** Makes the page at `address` (a multiple of 4096) RAM, filled with zeroes. */
  addPage(address: bigint): void {
    this.#pages.set(address >> 12n, new Uint8Array(4096));
  }

  write64(address: bigint, value: bigint): void {
    const page = this.#pages.get(address >> 12n);
    if (page === undefined) throw new Error(`test wrote to ${address.toString(16)}, which is not RAM`);
    new DataView(page.buffer).setBigUint64(Number(address & 0xfffn), value, true);
  }

  read64(address: bigint): bigint {
    const bytes = this.#copy(address, 8);
    return new DataView(bytes.buffer).getBigUint64(0, true);
  }

  readSync(address: bigint, length: number): Uint8Array {
    this.reads.push({ address, length });
    return this.#copy(address, length);
  }

  read(address: bigint, length: number): Promise<Uint8Array> {
    return new Promise((resolve) => {
      resolve(this.readSync(address, length));
    });
  }

  #copy(address: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const at = address + BigInt(done);
      const page = this.#pages.get(at >> 12n);
      if (page === undefined) throw new NotRamError(at);
      const offset = Number(at & 0xfffn);
      const chunk = page.subarray(offset, offset + length - done);
      bytes.set(chunk, done);
      done += chunk.length;
    }
    return bytes;
  }
}
