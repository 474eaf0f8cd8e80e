import {
  dumpCommand,
  type MemoryRequest,
  type Monitor,
  MonitorMemoryError,
  parseMemoryDump,
} from '../monitor/index.js';
import { NotRamError, type PhysicalMemory } from '../paging/index.js';
import { MicrotaskBatch } from './microtask-batch.js';
import type { Piece, RamMap } from './ram-map.js';

/** Bytes of one `xp`: a page, which is 15 KB of text. */
const MAX_COMMAND_BYTES = 4096;

/** Physical memory through the monitor's `xp`: works on every stack, half a millisecond and more per read. */
export class HmpMemory implements PhysicalMemory {
  readonly #ram: RamMap;
  readonly #commands: MicrotaskBatch<string, string>;

  constructor(monitor: Monitor, ram: RamMap) {
    this.#ram = ram;
    this.#commands = new MicrotaskBatch((commands) => monitor.commands(commands));
  }

  /** Reads that are asked for together go out together. @throws NotRamError, and all that Monitor throws */
  async read(address: bigint, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    await Promise.all(
      this.#ram.pieces(address, length).map(async (piece) => {
        bytes.set(await this.#readPiece(piece), piece.at);
      }),
    );
    return bytes;
  }

  async #readPiece({ range, address, length }: Piece): Promise<Uint8Array> {
    // Whole 8-byte units cost least text, so the read is widened to them, as far as the range allows: `xp` reads 16 bytes
    // at once and fails for all of them if one is not there.
    const start = address & ~7n;
    const end = (address + BigInt(length) + 7n) & ~7n;
    const widened = start >= range.start && end - 1n <= range.last;
    const from = widened ? start : address;
    const to = widened ? end : address + BigInt(length);
    const requests: MemoryRequest[] = [];
    for (let at = from; at < to; at += BigInt(MAX_COMMAND_BYTES)) {
      const size = Math.min(MAX_COMMAND_BYTES, Number(to - at));
      requests.push(
        widened ? { address: at, unit: 'g', count: size / 8 } : { address: at, unit: 'b', count: size },
      );
    }
    const dumps = await Promise.all(requests.map((request) => this.#dump(request)));
    const skip = Number(address - from);
    return Buffer.concat(dumps).subarray(skip, skip + length);
  }

  async #dump(request: MemoryRequest): Promise<Uint8Array> {
    const command = dumpCommand('xp', request);
    const reply = await this.#commands.add(command);
    try {
      return parseMemoryDump(reply, request, command);
    } catch (error) {
      if (!(error instanceof MonitorMemoryError)) throw error;
      throw new NotRamError(error.address, 'it was memory when this reader was opened, and is not now');
    }
  }
}
