import type { KernelMemory } from '../process/kernel-memory.js';
import type { KernelSymbol, SymbolTable } from './symbol-table.js';

/** What it takes to read a module's symbols: kernel memory by virtual address. */
export type ReadsKernel = Pick<KernelMemory, 'tryRead'>;

/**
 * struct module (include/linux/module.h) begins with `state`, `list` and `name[56]` in every kernel with x86-64 support. Where the
 * rest lies depends on the configuration.
 */
const listAt = 8n;
const nameAt = 24;
const nameBytes = 56;
/** With all debugging options it is some 1,500 bytes long. */
const moduleBytes = 4096;
/** Elf64_Sym: name 4, info 1, other 1, section 2, value 8, size 8 (elf(5)). */
const symbolBytes = 24;
const SHN_UNDEF = 0;
/** A symbol of assembly may have no size. */
const unsizedBytes = 4096n;
const pageBytes = 4096;

/** More than any kernel has: what is damaged is not to be read for ever. */
const mostModules = 2_000;
const mostSymbols = 200_000;
const mostNameBytes = 16 << 20;

/**
 * The symbols of the modules in a running kernel, out of the kernel's own list of modules: what /proc/kallsyms would say, and the guest
 * need not be able to. Modules that are being loaded or removed, and those after a place where the list is damaged, are left out.
 *
 * @param kernel the kernel's own symbols, at its running addresses
 * @returns none where the kernel has no symbol `modules` (without CONFIG_KALLSYMS_ALL its own tables name functions only)
 */
export async function moduleSymbols(memory: ReadsKernel, kernel: SymbolTable): Promise<KernelSymbol[]> {
  const head = kernel.addressOf('modules');
  if (head === undefined) return [];
  const found: KernelSymbol[] = [];
  for (const module of await modulesIn(memory, head)) found.push(...(await symbolsOf(memory, module)));
  return found;
}

/** The addresses of all struct modules, as far as the list holds together. */
async function modulesIn(memory: ReadsKernel, head: bigint): Promise<bigint[]> {
  const modules: bigint[] = [];
  let link = head;
  while (modules.length < mostModules) {
    const next = (await memory.tryRead(link, 8))?.readBigUInt64LE();
    if (next === undefined || next === head) break;
    // Each link must be answered, or this is no list.
    if ((await memory.tryRead(next + 8n, 8))?.readBigUInt64LE() !== link) break;
    modules.push(next - listAt);
    link = next;
  }
  return modules;
}

async function symbolsOf(memory: ReadsKernel, address: bigint): Promise<KernelSymbol[]> {
  const module = await readUpTo(memory, address, moduleBytes);
  const table = tableOf(module, address);
  if (table === undefined) return [];
  const symbols = await memory.tryRead(table.symbols, table.count * symbolBytes);
  if (symbols === undefined) return [];
  const entries = Array.from({ length: table.count }, (_, index) => {
    const at = index * symbolBytes;
    return {
      name: symbols.readUInt32LE(at),
      section: symbols.readUInt16LE(at + 6),
      address: symbols.readBigUInt64LE(at + 8),
      size: symbols.readBigUInt64LE(at + 16),
    };
  }).filter(({ section, name }) => section !== SHN_UNDEF && name < mostNameBytes);
  const last = entries.reduce((most, { name }) => Math.max(most, name), 0);
  // The last name ends behind where it begins; no name of the kernel's has more than 512 bytes (KSYM_NAME_LEN).
  const names = await readUpTo(memory, table.names, last + 512);
  const moduleName = textAt(module, nameAt, nameBytes);
  return entries.flatMap((entry): KernelSymbol[] => {
    const name = textAt(names, entry.name);
    if (name === '') return [];
    const size = entry.size === 0n ? unsizedBytes : entry.size;
    return [{ address: entry.address, name, module: moduleName, size }];
  });
}

/**
 * `kallsyms` points to `core_kallsyms`, the next member, once the module is loaded (kernel/module/main.c, do_init_module()): nothing
 * else in the structure points right behind itself and is followed by a table of symbols.
 */
function tableOf(
  module: Buffer,
  address: bigint,
): { readonly symbols: bigint; readonly count: number; readonly names: bigint } | undefined {
  for (let at = nameAt + nameBytes; at + 32 <= module.length; at += 8) {
    if (module.readBigUInt64LE(at) !== address + BigInt(at) + 8n) continue;
    const symbols = module.readBigUInt64LE(at + 8);
    const count = module.readUInt32LE(at + 16);
    const names = module.readBigUInt64LE(at + 24);
    if (symbols !== names && count > 0 && count <= mostSymbols) return { symbols, count, names };
  }
  return undefined;
}

/** What can be read of so many bytes from there on: up to the first page that is not mapped. */
async function readUpTo(memory: ReadsKernel, address: bigint, length: number): Promise<Buffer> {
  const whole = await memory.tryRead(address, length);
  if (whole) return whole;
  const pieces: Buffer[] = [];
  for (let at = 0; at < length;) {
    const toPageEnd = pageBytes - (Number((address + BigInt(at)) % BigInt(pageBytes)) % pageBytes);
    const piece = await memory.tryRead(address + BigInt(at), Math.min(toPageEnd, length - at));
    if (piece === undefined) break;
    pieces.push(piece);
    at += piece.length;
  }
  return Buffer.concat(pieces);
}

/** Up to the zero that ends it; empty where there is none. */
function textAt(bytes: Buffer, at: number, most = 512): string {
  const end = bytes.subarray(0, at + most).indexOf(0, at);
  return end === -1 ? '' : bytes.toString('latin1', at, end);
}
