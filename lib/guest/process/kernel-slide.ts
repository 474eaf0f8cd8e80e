import type { VcpuRegisters } from '../../machine/machine.js';
import { ProcessSelectionError } from './errors.js';
import type { KernelMemory } from './kernel-memory.js';
import type { KernelSymbols, WantedSymbol } from './symbols.js';

/** Exception vectors whose handlers are known by name since Linux 5.8 (arch/x86/include/asm/idtentry.h). */
const HANDLERS: readonly (readonly [vector: number, symbol: WantedSymbol])[] = [
  [14, 'asm_exc_page_fault'],
  [0, 'asm_exc_divide_error'],
];
/** The kernel is moved by multiples of CONFIG_PHYSICAL_ALIGN, of which this is the least. */
const alignment = 1n << 21n;

/**
 * By how much the running kernel was moved from where it was linked (KASLR), found from outside: the processor's interrupt
 * descriptor table names the kernel's exception handlers (SDM vol. 3, 6.14.1), and a System.map says where they were linked.
 *
 * @param linked the symbols of a System.map
 * @throws ProcessSelectionError the map lacks those symbols, or is of another kernel
 */
export async function kernelSlide(
  memory: KernelMemory,
  { idt }: VcpuRegisters,
  linked: KernelSymbols,
  source: string,
): Promise<bigint> {
  const slides = new Set<bigint>();
  for (const [vector, symbol] of HANDLERS) {
    const address = linked.get(symbol);
    if (address === undefined) continue;
    slides.add(handlerOf(await memory.read(idt.base + BigInt(vector * 16), 16)) - address);
  }
  const [slide, ...others] = slides;
  if (slide === undefined) {
    throw new ProcessSelectionError(
      `${source} names neither ${HANDLERS.map(([, symbol]) => symbol).join(' nor ')}, by which the kernel's place in memory is found. ` +
        'Give /proc/kallsyms of the running guest instead.',
    );
  }
  if (others.length > 0 || slide % alignment !== 0n) {
    throw new ProcessSelectionError(
      `${source} is of another kernel than the one in the VM: by its symbols the exception handlers were moved by ` +
        `${[...slides].map((each) => `0x${BigInt.asUintN(64, each).toString(16)}`).join(' and ')}, which no kernel is. Give the symbols of the kernel that runs.`,
    );
  }
  return slide;
}

/** The handler's address in a 16-byte interrupt gate. */
function handlerOf(gate: Buffer): bigint {
  return (
    BigInt(gate.readUInt16LE(0)) |
    (BigInt(gate.readUInt16LE(6)) << 16n) |
    (BigInt(gate.readUInt32LE(8)) << 32n)
  );
}
