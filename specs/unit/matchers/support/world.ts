import { KernelLogFollower } from '../../../../lib/guest/kernel-log-follower.js';
import { parseKernelLog } from '../../../../lib/guest/kernel-log/index.js';
import { DmaMapping, type Look } from '../../../../lib/guest/vfio/mapping.js';
import type { VfioProcess } from '../../../../lib/guest/vfio/process.js';
import {
  scanSync,
  secondLevelSpace,
  walkRangeSync,
  walkSync,
  x86Space,
} from '../../../../lib/paging/index.js';
import { TableBuilder } from '../../paging/support/table-builder.js';
import { lines } from '../../vfio/scene.js';

export const pages = 4;
const pageSize = 4096n;
/** Writable, not executable, accessed, dirty, with _PAGE_USER; mapping `first` begins here, `second` 16 pages behind. */
const before = 0x8000_0000_1000_0067n;
const start = 0x7f00_0000_1000n;

/** A machine that is not there, with a process whose tables are, and two mappings of four pages, which a correct driver made. */
export class World {
  /** How often the machine was stopped. */
  pauses = 0;
  readonly first: DmaMapping;
  readonly second: DmaMapping;
  readonly kernelLog: KernelLogFollower;
  readonly builder = new TableBuilder();
  readonly #space = x86Space({ cr3: this.builder.root });

  constructor({ isCleared = true }: { readonly isCleared?: boolean } = {}) {
    const starts = [start, start + 16n * pageSize];
    const every = starts.flatMap((address) =>
      Array.from({ length: pages }, (_, page) => address + BigInt(page) * pageSize),
    );
    for (const address of every) this.builder.map(address, entryBefore(address));
    const mappings: DmaMapping[] = [];
    const process = this.#process(mappings);
    const map = (address: bigint, iova: bigint): DmaMapping => {
      const buffer = { address, size: BigInt(pages) * pageSize };
      const before = this.#look(address);
      for (let page = 0n; isCleared && page < pages; page += 1n) {
        const at = address + page * pageSize;
        this.builder.map(at, entryBefore(at) & ~4n);
      }
      const looks = { before, after: this.#look(address) };
      const mapping = new DmaMapping(process, buffer, { iova, read: true, write: true }, looks);
      mappings.push(mapping);
      return mapping;
    };
    this.first = map(start, 1n << 21n);
    this.second = map(start + 16n * pageSize, 2n << 21n);
    const log = isCleared
      ? every.flatMap((address) => lines(address, entryBefore(address), entryBefore(address) & ~4n))
      : starts.map(
          (address) =>
            `VFIO: Not clearing _PAGE_USER at vaddr 0x${address.toString(16)}-0x${(address + 4n * pageSize).toString(16)} (2 MiB leaf)`,
        );
    const text = log.map((line, index) => `6,${index},${index},-;${line}\n`).join('');
    this.kernelLog = Object.assign(Object.create(KernelLogFollower.prototype) as KernelLogFollower, {
      entries: () => Promise.resolve(parseKernelLog(text, { format: 'kmsg' })),
    });
  }

  #look(address: bigint): Look {
    const { memory } = this.builder;
    return {
      entries: walkRangeSync(memory, this.#space, address, pages),
      space: scanSync(memory, this.#space, { range: 'user' }),
      contents: undefined,
      others: new Map(),
    };
  }

  /** What the driver did, beside clearing: all that was changed since belongs to the mapping's making. */
  madeSo(mapping: DmaMapping): void {
    Object.assign(mapping, { lookAfter: this.#look(mapping.address) });
  }

  /** Rewrites the entry of a page of a mapping, as the driver left it. */
  change(mapping: DmaMapping, page: number, entry: (raw: bigint) => bigint): void {
    const address = mapping.pageAddress(page);
    this.builder.map(address, entry(this.builder.memory.read64(this.builder.entryAddress(address, 1))));
    this.madeSo(mapping);
  }

  #process(mappings: DmaMapping[]): VfioProcess {
    const { memory } = this.builder;
    const tables = new TableBuilder({ levels: 4, tableFlags: 3n, base: 0x80_0000n, memory });
    for (const [index, iova] of [1n << 21n, 2n << 21n].entries()) {
      for (let page = 0n; page < BigInt(pages); page += 1n) {
        const address = start + BigInt(index * 16) * pageSize + page * pageSize;
        tables.map(iova + page * pageSize, (entryBefore(address) & 0x000f_ffff_ffff_f000n) | 3n);
      }
    }
    let isStopped = false;
    const paused = async <T>(work: () => Promise<T>): Promise<T> => {
      if (isStopped) return await work();
      isStopped = true;
      this.pauses += 1;
      return await work().finally(() => (isStopped = false));
    };
    const second = secondLevelSpace({ levels: 4, table: tables.root });
    const fake = {
      pid: 123,
      space: this.#space,
      iovasByHand: [],
      host: { machine: { paused }, memory, mappings },
      entries: (address: bigint, count: number) =>
        paused(() => Promise.resolve(walkRangeSync(memory, this.#space, address, count))),
      // What a closed page does to a read and to a write.
      access: (address: bigint, { access }: { access: 'read' | 'write' }) => {
        const isClosed = (memory.read64(this.builder.entryAddress(address, 1)) & 4n) === 0n;
        const outcome = !isClosed ? 'done' : access === 'read' ? 'fault' : 'stalled';
        return Promise.resolve({ outcome, address, access, errorCode: 5 });
      },
      walk: (address: bigint) => paused(() => Promise.resolve(walkSync(memory, this.#space, address))),
      scan: () => paused(() => Promise.resolve(scanSync(memory, this.#space, { range: 'user' }))),
      deviceView: { tables: () => Promise.resolve(second) },
    };
    return fake as unknown as VfioProcess;
  }
}

function entryBefore(address: bigint): bigint {
  return before + (address - start);
}
