import type { VcpuRegisters } from '../../machine/machine.js';
import {
  type AddressSpace,
  isNotRam,
  type PhysicalMemory,
  scan,
  walk,
  type X86Entry,
} from '../../paging/index.js';
import { addressSpaceOf } from '../process/parked.js';
import { SymbolsError } from './errors.js';
import type { SymbolTable } from './symbol-table.js';

/** Where x86-64 Linux maps its own image (Documentation/x86/x86_64/mm.rst: kernel text mapping); KASLR moves it within. */
const imageArea = { start: 0xffff_ffff_8000_0000n, end: 0xffff_ffff_c000_0000n } as const;
/** `linux_banner` begins with it (init/version.c). */
const banner = Buffer.from('Linux version ', 'latin1');
/** With page-table isolation the kernel's copy of the tables is the one with bit 12 clear (arch/x86/entry/calling.h). */
const ptiBit = 1n << 12n;
const CR0_PG = 1n << 31n;

/** A kernel's symbols where it runs, and an address space through which it is seen. */
export interface PlacedSymbols {
  readonly symbols: SymbolTable;
  readonly space: AddressSpace<X86Entry>;
}

/**
 * The symbols at the addresses of this running kernel: moved by what KASLR added, which is seen in the kernel's page tables. The
 * guest need not answer, or even be able to.
 *
 * The answer is proven: the kernel's banner is where the moved symbol says.
 *
 * @param cpus all vCPUs, of the same moment where possible
 * @throws SymbolsError when no vCPU's tables map this kernel: it has not started yet, or it is another one
 */
export async function placeSymbols(
  symbols: SymbolTable,
  memory: PhysicalMemory,
  cpus: readonly VcpuRegisters[],
): Promise<PlacedSymbols> {
  const text = symbols.addressOf('_text');
  const bannerAt = symbols.addressOf('linux_banner');
  if (text === undefined || bannerAt === undefined) {
    throw new SymbolsError(
      'The kernel has no symbols _text and linux_banner to find it by. Give the vmlinux or System.map of its build.',
    );
  }
  for (const space of spacesOf(cpus)) {
    if (await holdsBanner(memory, space, bannerAt)) return { symbols, space };
    const first = await firstMapped(memory, space);
    const delta = first === undefined ? 0n : first - text;
    if (delta !== 0n && (await holdsBanner(memory, space, bannerAt + delta)))
      return { symbols: symbols.moved(delta), space };
  }
  throw new SymbolsError(
    "No vCPU's page tables map this kernel: it has not got that far, or another kernel than that of these symbols runs. Wait for its boot, or give its own symbols.",
  );
}

/** The distinct address spaces of those vCPUs that have paging on, the kernel's copies first. */
function spacesOf(cpus: readonly VcpuRegisters[]): AddressSpace<X86Entry>[] {
  const spaces = new Map<bigint, AddressSpace<X86Entry>>();
  for (const registers of cpus) {
    if ((registers.cr0 & CR0_PG) === 0n || registers.width !== 64) continue;
    for (const cr3 of [registers.cr3 & ~ptiBit, registers.cr3]) {
      if (!spaces.has(cr3)) spaces.set(cr3, addressSpaceOf({ ...registers, cr3 }));
    }
  }
  return [...spaces.values()];
}

async function firstMapped(
  memory: PhysicalMemory,
  space: AddressSpace<X86Entry>,
): Promise<bigint | undefined> {
  const found = await scan(memory, space, { range: imageArea, maxMappings: 1 });
  for (const { address } of found) return address;
  return undefined;
}

async function holdsBanner(
  memory: PhysicalMemory,
  space: AddressSpace<X86Entry>,
  address: bigint,
): Promise<boolean> {
  try {
    const found = await walk(memory, space, address);
    if (!found.mapped) return false;
    return banner.equals(await memory.read(found.physicalAddress, banner.length));
  } catch (error) {
    if (isNotRam(error)) return false;
    throw error;
  }
}
