import { ProcessSelectionError } from './errors.js';

/** The kernel symbols that finding a process takes; each is used if it is there. */
export const WANTED_SYMBOLS = [
  'init_task',
  '__start_BTF',
  '__stop_BTF',
  'asm_exc_divide_error',
  'asm_exc_page_fault',
] as const;
export type WantedSymbol = (typeof WANTED_SYMBOLS)[number];

export type KernelSymbols = ReadonlyMap<WantedSymbol, bigint>;

/** A line of either: address, type letter, name, and in kallsyms perhaps `[module]`. */
const LINE = new RegExp(`^([0-9a-f]{16}) [A-Za-z?] (${WANTED_SYMBOLS.join('|')})$`, 'gm');

/**
 * Picks the symbols out of the text of /proc/kallsyms (addresses of the running kernel) or of a System.map (addresses as
 * linked: `kernelSlide` says by how much the running kernel was moved). Both have the same form.
 *
 * @param source what the text is, for the message
 * @throws ProcessSelectionError `init_task` is not in it, or the kernel hid its addresses (kptr_restrict)
 */
export function parseSymbols(text: string, source: string): KernelSymbols {
  const symbols = new Map<WantedSymbol, bigint>();
  for (const [, address, name] of text.matchAll(LINE)) {
    const wanted = WANTED_SYMBOLS.find((each) => each === name);
    if (wanted !== undefined && !symbols.has(wanted)) symbols.set(wanted, BigInt(`0x${address ?? '0'}`));
  }
  const initTask = symbols.get('init_task');
  if (initTask === undefined) {
    const stub = text.startsWith('B The real System.map')
      ? ' It is the placeholder that Debian ships; the real one is in the -dbg package.'
      : '';
    throw new ProcessSelectionError(
      `${source} has no line for the symbol init_task (${text.length} characters, beginning with ${JSON.stringify(text.slice(0, 60))}).${stub} ` +
        'Is it a kernel with CONFIG_KALLSYMS_ALL, and all of the text?',
    );
  }
  if (initTask === 0n) {
    throw new ProcessSelectionError(
      `${source} has zeros for addresses: the kernel hides them (kptr_restrict). ` +
        'Read it as root after "sysctl kernel.kptr_restrict=1", or leave it out: the kernel is then searched for in memory.',
    );
  }
  return symbols;
}
