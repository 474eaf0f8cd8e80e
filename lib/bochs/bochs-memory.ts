import { MicrotaskBatch } from '../memory/microtask-batch.js';
import { NotRamError, type PhysicalMemory } from '../paging/index.js';
import type { BochsDebugger } from './debugger.js';
import { dumpCommand, maxDumpBytes, parseDump } from './memory-dump.js';

/** Between these lies what is no RAM: the display, and the ROMs of the firmware. */
const holeStart = 0xa0000n;
const holeEnd = 0x100000n;

/**
 * Physical memory through Bochs's debugger, with the machine stopped for each batch of reads: 10 ms for 4 KiB. Reads that are asked for
 * together are one batch.
 */
export class BochsMemory implements PhysicalMemory {
  readonly #end: bigint;
  readonly #dumps: MicrotaskBatch<{ readonly address: bigint; readonly words: number }, Uint8Array>;

  /** @param memoryMib the machine's RAM: Bochs itself reads ones where nothing is */
  constructor(bochs: BochsDebugger, memoryMib: number) {
    this.#end = BigInt(memoryMib) << 20n;
    this.#dumps = new MicrotaskBatch(async (requests) => {
      const commands = requests.map(({ address, words }) => dumpCommand(address, words));
      const replies = await bochs.runState.paused(() => bochs.commands(commands));
      return replies.map((reply, index) => {
        const { address = 0n, words = 0 } = requests[index] ?? {};
        return parseDump(reply, address, words);
      });
    });
  }

  /** @throws NotRamError, DebuggerError */
  async read(address: bigint, length: number): Promise<Uint8Array> {
    if (!Number.isSafeInteger(length) || length < 0)
      throw new RangeError(`Not a length for a read: ${length}`);
    this.#refuseWhatIsNotRam(address, length);
    if (length === 0) return new Uint8Array();
    const start = address & ~3n;
    const end = (address + BigInt(length) + 3n) & ~3n;
    const parts: Promise<Uint8Array>[] = [];
    for (let at = start; at < end; at += BigInt(maxDumpBytes)) {
      const bytes = end - at < BigInt(maxDumpBytes) ? Number(end - at) : maxDumpBytes;
      parts.push(this.#dumps.add({ address: at, words: bytes / 4 }));
    }
    const skip = Number(address - start);
    return new Uint8Array(Buffer.concat(await Promise.all(parts)).subarray(skip, skip + length));
  }

  #refuseWhatIsNotRam(address: bigint, length: number): void {
    const last = address + BigInt(Math.max(0, length - 1));
    if (address < 0n || address >= this.#end) throw new NotRamError(address, 'the RAM ends before it');
    if (last >= holeStart && address < holeEnd) {
      throw new NotRamError(address < holeStart ? holeStart : address, 'the display or a ROM is there');
    }
    if (last >= this.#end) throw new NotRamError(this.#end, 'the RAM ends here');
  }
}
