import { open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

import { SymbolsError } from './errors.js';
import { kallsymsOfImage } from './kallsyms-image.js';
import { parseKallsyms } from './kallsyms-text.js';
import type { SymbolTable } from './symbol-table.js';

const elfMagic = Buffer.from('\x7fELF', 'latin1');

/** Decoding takes 0.3 s: once for a file and its time of change. */
const known = new Map<string, Promise<SymbolTable>>();

/**
 * The symbols of the kernel that is booted from this file, at the addresses that it was linked for: from the file itself if it is an ELF
 * `vmlinux`, else from the `System.map` or the `vmlinux` that lie where a kernel's build, or its package, puts them.
 *
 * @param kernel absolute path of a vmlinux or bzImage
 * @throws SymbolsError with the places that were looked at
 */
export async function symbolsOfKernel(kernel: string): Promise<SymbolTable> {
  const problems: string[] = [];
  for (const file of placesFor(kernel)) {
    try {
      const { mtimeMs, size } = await stat(file);
      const key = `${file} ${mtimeMs} ${size}`;
      const symbols = known.get(key) ?? readSymbols(file);
      known.set(key, symbols);
      return await symbols;
    } catch (error) {
      problems.push(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new SymbolsError(`There are no symbols for the kernel ${kernel}. ${problems.join('; ')}`);
}

/** A build leaves arch/x86/boot/bzImage, with vmlinux and System.map at the tree's root. */
function placesFor(kernel: string): string[] {
  const folder = path.dirname(kernel);
  const tree = path.resolve(folder, '../../..');
  return [
    kernel,
    ...[folder, tree].flatMap((each) => ['System.map', 'vmlinux'].map((name) => path.join(each, name))),
  ];
}

async function readSymbols(file: string): Promise<SymbolTable> {
  if (path.basename(file) === 'System.map') return parseKallsyms(await readFile(file, 'latin1'));
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(elfMagic.length), 0, elfMagic.length, 0);
    if (!elfMagic.equals(buffer)) throw new SymbolsError('not an ELF file');
  } finally {
    await handle.close();
  }
  return kallsymsOfImage(await readFile(file));
}
