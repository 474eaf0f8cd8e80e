import { readFile } from 'node:fs/promises';

import { KernelError } from './errors.js';
import { unpack } from './unpack.js';

/** A kernel module, read from its file. */
export interface KernelModule {
  /** As /proc/modules writes it. */
  readonly name: string;
  /** The ELF file, unpacked. */
  readonly data: Buffer;
  /** Names of the modules that it needs. */
  readonly needs: readonly string[];
}

/** A module's name as /proc/modules writes it, by its file's. */
export function moduleName(file: string): string {
  return file
    .replace(/^.*\//, '')
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

/**
 * Reads a module, packed or not, and what it says of itself in `.modinfo` (strings `name=value`, each ended by a NUL; include/linux/module.h).
 *
 * @throws KernelError it was built for another kernel than `release`
 */
export async function readModule(file: string, release: string): Promise<KernelModule> {
  const bytes = await readFile(file);
  const data = file.endsWith('.ko') ? bytes : await unpack(bytes, file);
  const text = data.toString('latin1');
  const said = (name: string): string | undefined =>
    new RegExp(`(?:^|\\0)${name}=([^\\0]*)\\0`).exec(text)?.[1];
  const builtFor = said('vermagic')?.split(' ')[0];
  if (builtFor !== undefined && builtFor !== release) {
    throw new KernelError(
      `The module ${file} is built for ${builtFor}, and the kernel is ${release}. In the kernel's tree: make modules`,
    );
  }
  const needs = (said('depends') ?? '').split(',').filter((each) => each !== '');
  return { name: moduleName(file), data, needs: needs.map(moduleName) };
}
