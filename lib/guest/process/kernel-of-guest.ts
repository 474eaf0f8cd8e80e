import type { VcpuRegisters } from '../../machine/machine.js';
import { kptiPair, not64Bit, type PhysicalMemory, type X86Options } from '../../paging/index.js';
import { Btf } from './btf.js';
import { elfSection } from './elf.js';
import { ProcessSelectionError } from './errors.js';
import { KernelMemory } from './kernel-memory.js';
import { kernelSlide } from './kernel-slide.js';
import { addressSpaceOf } from './parked.js';
import { KernelImage } from './search-kernel.js';
import { parseSymbols } from './symbols.js';
import { layoutFromBtf, type TaskLayout } from './task-layout.js';

/**
 * What is known of the guest's kernel. All may be left out: the kernel is then searched for in the guest's memory, and measured if
 * it was built without BTF.
 */
export interface KernelSources {
  /** The text of the running guest's /proc/kallsyms, read as root. */
  readonly kallsyms?: string;
  /** The text of the System.map of its build. KASLR is found out. */
  readonly systemMap?: string;
  /** The bytes of the guest's /sys/kernel/btf/vmlinux. */
  readonly btf?: Uint8Array;
  /** The bytes of the uncompressed vmlinux, with a section `.BTF`. */
  readonly vmlinux?: Uint8Array;
  /** Offsets known otherwise (pahole, gdb, an earlier look). */
  readonly layout?: TaskLayout;
  /** Virtual address of `init_task`, known from an earlier look. */
  readonly initTask?: bigint;
}

/** The guest's kernel, as far as it takes to go through its processes. */
export interface GuestKernel {
  readonly memory: KernelMemory;
  /** Virtual address of `init_task`. */
  readonly initTask: bigint;
  readonly layout: TaskLayout;
  /** How these were found, in one line for a report. */
  readonly how: string;
}

/**
 * Finds the kernel of a stopped guest: its page tables by a vCPU's CR3, `init_task` by symbols or by a search, the members'
 * offsets by BTF or by measurement.
 *
 * @throws ProcessSelectionError with what was tried and what to give
 */
export async function findGuestKernel(
  registers: readonly VcpuRegisters[],
  physical: PhysicalMemory,
  sources: KernelSources,
  options: X86Options = {},
): Promise<GuestKernel> {
  const problems: string[] = [];
  for (const { cpu, memory } of kernelTables(registers, physical, options)) {
    try {
      return await findThrough(memory, cpu, physical, sources);
    } catch (error) {
      if (!(error instanceof ProcessSelectionError)) throw error;
      if (!problems.includes(error.message)) problems.push(error.message);
    }
  }
  throw new ProcessSelectionError(
    problems.join(' ') ||
      `No vCPU of the guest is in 64-bit mode: ${[...new Set(registers.map(not64Bit))].join('; ')}.`,
  );
}

/**
 * The page tables through which the kernel may be seen, the likeliest first: those of vCPUs in kernel mode. With page-table
 * isolation a vCPU in user mode has the copy that maps next to nothing of the kernel, and the whole one lies beside it. So has
 * one in the first instructions of an entry to the kernel, before it switches (arch/x86/entry/calling.h, SWITCH_TO_KERNEL_CR3).
 */
function kernelTables(
  registers: readonly VcpuRegisters[],
  physical: PhysicalMemory,
  options: X86Options,
): { cpu: VcpuRegisters; memory: KernelMemory }[] {
  const paging = registers.filter((cpu) => not64Bit(cpu) === undefined);
  const byRing = [...paging].sort((one, other) => one.cpl - other.cpl);
  return byRing.flatMap((cpu) => {
    const space = addressSpaceOf(cpu, options);
    const { kernel } = kptiPair(space.root);
    const roots = [...new Set([space.root, kernel])];
    return roots.map((root) => ({ cpu, memory: new KernelMemory(physical, { ...space, root }) }));
  });
}

async function findThrough(
  memory: KernelMemory,
  cpu: VcpuRegisters,
  physical: PhysicalMemory,
  sources: KernelSources,
): Promise<GuestKernel> {
  const { initTask, layout } = sources;
  if (initTask !== undefined && layout !== undefined) {
    // These tables may not have it.
    await memory.readPointer(initTask + BigInt(layout.tasks));
    return { memory, initTask, layout, how: 'init_task as known from an earlier look' };
  }
  const symbols = await runningSymbols(memory, cpu, sources);
  let image: Promise<KernelImage> | undefined;
  const search = (): Promise<KernelImage> => (image ??= KernelImage.locate(memory, physical));

  const types = await findLayout(memory, sources, symbols, search);
  if (types === undefined) return await measured(memory, await search());
  const named = symbols?.symbols.get('init_task');
  if (symbols && named !== undefined) {
    return {
      memory,
      initTask: named + symbols.slide,
      layout: types.layout,
      how: `init_task by ${symbols.source}, ${types.source}`,
    };
  }
  const found = await (await search()).findInitTask(types.layout);
  if (found === undefined) {
    throw new ProcessSelectionError(
      "The guest's memory holds no init_task that this kernel's type information fits: give symbols (/proc/kallsyms of the guest as root, or System.map).",
    );
  }
  return {
    memory,
    initTask: found,
    layout: types.layout,
    how: `init_task found in the kernel's memory, ${types.source}`,
  };
}

interface RunningSymbols {
  readonly symbols: ReturnType<typeof parseSymbols>;
  /** To be added to each address. */
  readonly slide: bigint;
  readonly source: string;
}

async function runningSymbols(
  memory: KernelMemory,
  cpu: VcpuRegisters,
  { kallsyms, systemMap }: KernelSources,
): Promise<RunningSymbols | undefined> {
  if (kallsyms !== undefined) {
    const source = '/proc/kallsyms';
    return { symbols: parseSymbols(kallsyms, source), slide: 0n, source };
  }
  if (systemMap === undefined) return undefined;
  const symbols = parseSymbols(systemMap, 'System.map');
  const slide = await kernelSlide(memory, cpu, symbols, 'System.map');
  return { symbols, slide, source: `System.map (kernel moved by 0x${slide.toString(16)})` };
}

async function findLayout(
  memory: KernelMemory,
  { layout, btf, vmlinux }: KernelSources,
  symbols: RunningSymbols | undefined,
  search: () => Promise<KernelImage>,
): Promise<{ layout: TaskLayout; source: string } | undefined> {
  if (layout !== undefined) return { layout, source: 'offsets as given' };
  if (btf !== undefined) return { layout: layoutFromBtf(new Btf(btf)), source: 'offsets by the BTF given' };
  const section = vmlinux === undefined ? undefined : elfSection(vmlinux, '.BTF', 'vmlinux');
  if (section !== undefined)
    return { layout: layoutFromBtf(new Btf(section)), source: 'offsets by the BTF of vmlinux' };
  const start = symbols?.symbols.get('__start_BTF');
  const stop = symbols?.symbols.get('__stop_BTF');
  if (symbols && start !== undefined && stop !== undefined) {
    const bytes = await memory.read(start + symbols.slide, Number(stop - start));
    return { layout: layoutFromBtf(new Btf(bytes)), source: "offsets by the BTF in the kernel's memory" };
  }
  const found = await (await search()).findBtf();
  if (found === undefined) return undefined;
  return { layout: layoutFromBtf(found), source: "offsets by BTF found in the kernel's memory" };
}

/** A kernel built without CONFIG_DEBUG_INFO_BTF. */
async function measured(memory: KernelMemory, image: KernelImage): Promise<GuestKernel> {
  const found = await image.measure();
  if (found === undefined) {
    throw new ProcessSelectionError(
      "The guest's kernel has no type information in memory (CONFIG_DEBUG_INFO_BTF), and its task_struct could not be measured: give " +
        'BTF of the same build, or the offsets of task_struct and mm_struct, or name the process by its CR3.',
    );
  }
  return { memory, ...found, how: "init_task found in the kernel's memory, offsets measured there" };
}
