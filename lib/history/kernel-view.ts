import type { VcpuRegisters as GdbRegisters } from '../gdb/index.js';
import { Btf, BTF_HEADER_BYTES } from '../guest/process/btf.js';
import { ProcessSelectionError } from '../guest/process/errors.js';
import { isKernelAddress, KernelMemory } from '../guest/process/kernel-memory.js';
import { measureLayout } from '../guest/process/measure-layout.js';
import { COMM_BYTES } from '../guest/process/task-layout.js';
import { textOf } from '../guest/process/task-list.js';
import { placeSymbols, symbolsOfMachineKernel, type SymbolTable } from '../guest/symbols/index.js';
import type { Machine } from '../machine/machine.js';
import type { PhysicalMemory } from '../paging/index.js';

/** Where the kernel maps all of physical memory without KASLR (Documentation/x86/x86_64/mm.rst), by the levels of its tables. */
const directMap = { 4: 0xffff_8880_0000_0000n, 5: 0xff11_0000_0000_0000n } as const;
/** THREAD_SIZE of arch/x86/include/asm/page_64_types.h without KASAN; stacks are aligned to it. */
const stackBytes = 16_384n;
/** Of a stack, from its top: what called a function that writes entries lies there. */
const mostStackBytes = 4096;
/** task_struct is smaller, up to `comm`. */
const mostTaskBytes = 8192;
/** `tk_core` is a seqcount of 4 bytes, and then the timekeeper (kernel/time/timekeeping.c). */
const timekeeperAt = 8n;

interface Offsets {
  readonly pid: number;
  readonly comm: number;
  /** Of the timekeeper: of kernels with type information (CONFIG_DEBUG_INFO_BTF). */
  readonly time: { readonly base: number; readonly nsec: number; readonly shift: number } | undefined;
}

/** A task that ran when an entry was written. */
export interface WritingTask {
  /** Of the thread. */
  readonly pid: number;
  readonly name: string;
}

/** What is taken of a vCPU that stands behind a write. */
export interface WritingVcpu {
  readonly vcpu: number;
  /** Behind the instruction that wrote. */
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly rbp: bigint;
  readonly task: WritingTask | undefined;
  /** From RSP on. */
  readonly stack: Buffer;
}

/** By the kernel's file: a build's offsets never change. */
const known = new Map<string, Promise<Offsets | undefined>>();

/** A running kernel as a recorder needs it: read from outside, through the kernel's own page tables, which outlive every process. */
export class KernelView {
  /** At the running addresses, without those of modules. */
  readonly symbols: SymbolTable;
  readonly #physical: PhysicalMemory;
  readonly #memory: KernelMemory;
  readonly #directMap: bigint;
  readonly #offsets: Offsets | undefined;

  private constructor(
    symbols: SymbolTable,
    physical: PhysicalMemory,
    memory: KernelMemory,
    directMapBase: bigint,
    offsets: Offsets | undefined,
  ) {
    this.symbols = symbols;
    this.#physical = physical;
    this.#memory = memory;
    this.#directMap = directMapBase;
    this.#offsets = offsets;
  }

  /**
   * Of a machine that stands still.
   *
   * @throws SymbolsError when the kernel has no symbols, or is not found in memory
   */
  static async open(machine: Machine, physical: PhysicalMemory): Promise<KernelView> {
    const { symbols, space } = await placeSymbols(
      await symbolsOfMachineKernel(machine),
      physical,
      await machine.registers(),
    );
    const first = new KernelMemory(physical, space);
    const top = symbols.addressOf('init_top_pgt');
    const root = top === undefined ? undefined : await first.physicalAddress(top);
    const memory = root === undefined ? first : new KernelMemory(physical, { ...space, root });
    const variable = symbols.addressOf('page_offset_base');
    const base =
      variable === undefined ? directMap[space.levels === 5 ? 5 : 4] : await memory.readPointer(variable);
    const file = machine.kernel ?? '';
    const offsets = known.get(file) ?? readOffsets(memory, symbols);
    known.set(file, offsets);
    return new KernelView(symbols, physical, memory, base, await offsets);
  }

  /** Where the kernel sees this physical address. */
  linear(physical: bigint): bigint {
    return this.#directMap + physical;
  }

  physical(linear: bigint): bigint {
    return linear - this.#directMap;
  }

  /** The kernel's own memory as it is now, without what is remembered of its tables: stacks come and go. */
  now(): KernelMemory {
    return new KernelMemory(this.#physical, this.#memory.space);
  }

  /** CLOCK_MONOTONIC as of its last tick, in ms; undefined where the kernel does not show it. */
  async guestMs(): Promise<number | undefined> {
    const core = this.symbols.addressOf('tk_core');
    if (core === undefined || this.#offsets?.time === undefined) return undefined;
    const { base, nsec, shift } = this.#offsets.time;
    const end = Math.max(base, nsec, shift) + 8;
    const bytes = await this.#memory.tryRead(core + timekeeperAt, end);
    if (bytes === undefined) return undefined;
    const fraction = bytes.readBigUInt64LE(nsec) >> BigInt(bytes.readUInt32LE(shift) & 63);
    return Number(bytes.readBigInt64LE(base) + fraction) / 1e6;
  }

  /** What a vCPU in the kernel is at. */
  async at(registers: GdbRegisters): Promise<WritingVcpu> {
    const memory = this.now();
    const rsp = registers.get('rsp');
    const toEnd = Number(stackBytes - (rsp % stackBytes));
    const stack = await memory.tryRead(rsp, Math.min(toEnd, mostStackBytes));
    return {
      vcpu: registers.cpu,
      rip: registers.get('rip'),
      rsp,
      rbp: registers.get('rbp'),
      task: await this.#task(memory, registers.get('gs_base')),
      stack: stack ?? Buffer.alloc(0),
    };
  }

  /** `current`: a per-CPU variable of its own, or the first one of `pcpu_hot` (6.2 to 6.14). */
  async #task(memory: KernelMemory, perCpu: bigint): Promise<WritingTask | undefined> {
    const variable = this.symbols.addressOf('current_task') ?? this.symbols.addressOf('pcpu_hot');
    if (variable === undefined || this.#offsets === undefined) return undefined;
    const at = BigInt.asUintN(64, perCpu + variable);
    const task = (await memory.tryRead(at, 8))?.readBigUInt64LE();
    if (task === undefined || !isKernelAddress(task)) return undefined;
    const pid = await memory.tryRead(task + BigInt(this.#offsets.pid), 4);
    const comm = await memory.tryRead(task + BigInt(this.#offsets.comm), COMM_BYTES);
    return pid && comm && { pid: pid.readInt32LE(), name: textOf(comm) };
  }
}

async function readOffsets(memory: KernelMemory, symbols: SymbolTable): Promise<Offsets | undefined> {
  const start = symbols.addressOf('__start_BTF');
  const stop = symbols.addressOf('__stop_BTF');
  if (start === undefined || stop === undefined || stop - start < BTF_HEADER_BYTES)
    return await measuredOffsets(memory, symbols);
  try {
    const btf = new Btf(await memory.read(start, Number(stop - start)));
    const mono = btf.memberOffset('timekeeper', 'tkr_mono');
    const time = (member: string): number => mono + btf.memberOffset('tk_read_base', member);
    return {
      pid: btf.memberOffset('task_struct', 'pid'),
      comm: btf.memberOffset('task_struct', 'comm'),
      time: { base: time('base'), nsec: time('xtime_nsec'), shift: time('shift') },
    };
  } catch (error) {
    // A history without tasks and guest times is one all the same.
    if (error instanceof ProcessSelectionError) return undefined;
    throw error;
  }
}

/** Of a kernel without type information: `init_task` has its name, and the tasks behind it tell the rest. */
async function measuredOffsets(memory: KernelMemory, symbols: SymbolTable): Promise<Offsets | undefined> {
  const initTask = symbols.addressOf('init_task');
  const bytes = initTask === undefined ? undefined : await memory.tryRead(initTask, mostTaskBytes);
  const comm = bytes?.indexOf('swapper/0\0') ?? -1;
  if (initTask === undefined || comm < 0) return undefined;
  const layout = await measureLayout(memory, initTask + BigInt(comm));
  return layout && { pid: comm + layout.pid, comm, time: undefined };
}
