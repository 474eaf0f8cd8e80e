import { moduleSymbols, type SymbolHit, type SymbolTable } from '../guest/symbols/index.js';
import type { Machine } from '../machine/machine.js';
import { callChain } from './call-chain.js';
import type { Reader } from './history.js';
import type { KernelView } from './kernel-view.js';

/** Of arch/x86/kernel/unwind_orc.c and its linker script: a kernel whose kallsyms have no data has the first one. */
const ofOrc = ['unwind_module_init', '__start_orc_unwind'];

/** Names for those who wrote, out of the running kernel's symbols and text: asked when somebody wants to know, not at each write. */
export function namesOf(machine: Machine, kernel: KernelView): Reader['name'] {
  const textStart = kernel.symbols.addressOf('_stext') ?? 0n;
  const textEnd = kernel.symbols.addressOf('_etext') ?? 0n;
  // Kernels that unwind by tables (CONFIG_UNWINDER_ORC) use RBP for anything.
  const hasFramePointers = ofOrc.every((name) => kernel.symbols.addressOf(name) === undefined);
  let known: SymbolTable | undefined;
  return async ({ vcpu, rip, rsp, rbp, stack, task }) =>
    await machine.paused(async () => {
      const memory = kernel.now();
      const resolve = (address: bigint): SymbolHit | undefined => {
        const found = known?.resolve(address);
        return found?.module === undefined && (address < textStart || address >= textEnd) ? undefined : found;
      };
      // Modules come while a test goes on.
      if (resolve(rip) === undefined)
        known = kernel.symbols.with(await moduleSymbols(memory, kernel.symbols));
      const before = (address: bigint, length: number): Promise<Buffer | undefined> =>
        memory.tryRead(address - BigInt(length), length);
      return {
        vcpu,
        place: resolve(rip)?.text ?? `0x${rip.toString(16)}`,
        task,
        stack: await callChain({
          rip,
          stack,
          framePointers: hasFramePointers ? { rsp, rbp } : undefined,
          resolve,
          before,
        }),
      };
    });
}
