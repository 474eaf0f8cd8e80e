import { SymbolsError } from './errors.js';
import { type KernelSymbol, kernelHalf, SymbolTable } from './symbol-table.js';

/** `ffffffff81000000 T _stext`, in /proc/kallsyms with `\t[module]` behind it. */
const line = /^([0-9a-f]{8,16}) (\S) (\S+)(?:\s+\[([^\]\s]+)\])?$/;

/**
 * The symbols of `System.map`, or of `/proc/kallsyms` as root reads it: addresses of the running kernel, modules included.
 *
 * @throws SymbolsError when nothing in it is a symbol, or when the kernel hid all addresses (kernel.kptr_restrict)
 */
export function parseKallsyms(text: string): SymbolTable {
  const symbols: KernelSymbol[] = [];
  let hidden = 0;
  for (const each of text.split('\n')) {
    const match = line.exec(each.trimEnd());
    if (match?.[1] === undefined || match[3] === undefined) continue;
    const address = BigInt(`0x${match[1]}`);
    if (address === 0n) hidden += 1;
    // Undefined and absolute values (`U`, `A`) are no places in memory, but for per-CPU offsets, which come as `A` as well.
    else if (!/[AaU]/.test(match[2] ?? '') || (match[2] !== 'U' && address < kernelHalf))
      symbols.push({ address, name: match[3], module: match[4] });
  }
  if (symbols.length === 0) {
    throw new SymbolsError(
      hidden > 0
        ? `All ${hidden} addresses are 0: the kernel hides them (kernel.kptr_restrict, or the reader is not root). Read it as root.`
        : 'There is no symbol in it: neither System.map nor /proc/kallsyms.',
    );
  }
  return new SymbolTable(symbols);
}
