import type { GdbClient, MemoryRead } from '../gdb/index.js';
import type { PhysicalMemory } from '../paging/index.js';
import { MicrotaskBatch } from './microtask-batch.js';
import type { RamMap } from './ram-map.js';

/**
 * Physical memory through a gdb stub, while the VM is stopped. The stub answers zeros for what is not memory, so the map decides.
 */
export class GdbMemory implements PhysicalMemory {
  readonly #reads: MicrotaskBatch<MemoryRead, Uint8Array>;
  readonly #ram: RamMap;

  constructor(gdb: GdbClient, ram: RamMap) {
    this.#reads = new MicrotaskBatch((reads) => gdb.readPhysicalMany(reads));
    this.#ram = ram;
  }

  /** Reads that are asked for together go out together. @throws NotRamError, GdbStateError while the VM runs, and all else that GdbClient throws */
  async read(address: bigint, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    await Promise.all(
      this.#ram.pieces(address, length).map(async (piece) => {
        bytes.set(await this.#reads.add(piece), piece.at);
      }),
    );
    return bytes;
  }
}
