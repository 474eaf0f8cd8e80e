import { mappedRanges, type PhysicalMemory, scan } from '../../paging/index.js';
import { Btf, BTF_HEADER_BYTES, BTF_MAGIC, btfLength } from './btf.js';
import { ProcessSelectionError } from './errors.js';
import type { KernelMemory } from './kernel-memory.js';
import { measureLayout } from './measure-layout.js';
import { guestTasks } from './task-list.js';
import type { TaskLayout } from './task-layout.js';

/** Where the kernel's image is mapped: the top 2 GiB up to the modules (Documentation/x86/x86_64/mm.rst), wherever KASLR puts it. */
const image = { start: 0xffff_ffff_8000_0000n, end: 0xffff_ffff_c000_0000n };
const chunkBytes = 2 << 20;

/** A stretch of the image that is mapped without a gap. */
interface Stretch {
  readonly start: bigint;
  readonly bytes: number;
}

/**
 * The kernel's image in the guest's memory, to be searched for what no symbol table was given for. Some 50 MB are read, which
 * takes 30 ms through process memory and half a minute through the monitor.
 */
export class KernelImage {
  readonly #memory: KernelMemory;
  readonly #stretches: readonly Stretch[];

  private constructor(memory: KernelMemory, stretches: readonly Stretch[]) {
    this.#memory = memory;
    this.#stretches = stretches;
  }

  static async locate(memory: KernelMemory, physical: PhysicalMemory): Promise<KernelImage> {
    const found = await scan(physical, memory.space, { range: image });
    const stretches: { start: bigint; bytes: number }[] = [];
    for (const { start, end } of mappedRanges(found)) {
      const last = stretches.at(-1);
      if (last !== undefined && last.start + BigInt(last.bytes) === start) last.bytes += Number(end - start);
      else stretches.push({ start, bytes: Number(end - start) });
    }
    return new KernelImage(memory, stretches);
  }

  /** The kernel's BTF, by its header. @returns undefined if the kernel was built without CONFIG_DEBUG_INFO_BTF */
  async findBtf(): Promise<Btf | undefined> {
    for await (const address of this.#occurrences(BTF_MAGIC)) {
      const header = await this.#memory.tryRead(address, BTF_HEADER_BYTES);
      try {
        const bytes = header && (await this.#memory.tryRead(address, btfLength(header)));
        if (bytes) return new Btf(bytes);
      } catch (error) {
        // The header's eight bytes may stand elsewhere by chance, or in code that looks for them.
        if (!(error instanceof ProcessSelectionError)) throw error;
      }
    }
    return undefined;
  }

  /** `init_task`, by its name, its PID and its place in a list of processes that holds together. */
  async findInitTask(layout: TaskLayout): Promise<bigint | undefined> {
    for await (const address of this.#occurrences(Buffer.from('swapper'))) {
      const task = address - BigInt(layout.comm);
      try {
        const tasks = guestTasks(this.#memory, task, layout);
        const first = (await tasks.next()).value;
        const second = (await tasks.next()).value;
        if (first?.pid === 0 && second?.pid === 1) return task;
      } catch (error) {
        if (!(error instanceof ProcessSelectionError)) throw error; // not a task: the word stands elsewhere too
      }
    }
    return undefined;
  }

  /** The same in a kernel without type information, which is measured: see measureLayout. */
  async measure(): Promise<{ readonly initTask: bigint; readonly layout: TaskLayout } | undefined> {
    for await (const address of this.#occurrences(Buffer.from('swapper/0\0'))) {
      const layout = await measureLayout(this.#memory, address);
      if (layout) return { initTask: address, layout };
    }
    return undefined;
  }

  async *#occurrences(wanted: Uint8Array): AsyncGenerator<bigint, void, undefined> {
    for (const { start, bytes } of this.#stretches) {
      for (let at = 0; at < bytes; at += chunkBytes) {
        // Chunks overlap, so that nothing is missed at their borders.
        const length = Math.min(chunkBytes + wanted.length - 1, bytes - at);
        const chunk = await this.#memory.tryRead(start + BigInt(at), length);
        if (chunk === undefined) continue;
        for (let found = chunk.indexOf(wanted); found >= 0; found = chunk.indexOf(wanted, found + 1)) {
          yield start + BigInt(at + found);
        }
      }
    }
  }
}
