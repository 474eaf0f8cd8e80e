import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { type KernelConfig, parseConfig } from './config.js';
import { embeddedConfig } from './ikconfig.js';
import type { KernelFile } from './kernel-file.js';

export interface FoundConfig {
  readonly config: KernelConfig;
  /** Where it was found, in words. */
  readonly source: string;
}

/**
 * The configuration that a kernel was built with: the one that it carries (CONFIG_IKCONFIG), else the one that lies where its build, or
 * its distribution's package, puts it.
 *
 * @param file absolute path of the kernel
 * @returns undefined when there is none, and nothing can be said of the kernel
 */
export async function findConfig(file: string, kernel: KernelFile): Promise<FoundConfig | undefined> {
  const embedded = embeddedConfig(kernel.image);
  if (embedded !== undefined)
    return { config: parseConfig(embedded), source: 'the kernel itself (IKCONFIG)' };
  for (const place of placesFor(file, kernel)) {
    const text = await readFile(place, 'utf8').catch(() => undefined);
    if (text !== undefined) return { config: parseConfig(text), source: place };
  }
  return undefined;
}

/** `vmlinux` lies at the root of its tree, a bzImage in arch/x86/boot. */
function placesFor(file: string, { format, release }: KernelFile): string[] {
  const folder = path.dirname(file);
  const tree = format === 'vmlinux' ? folder : path.resolve(folder, '../../..');
  const inTree = format === 'vmlinux' || path.basename(folder) === 'boot' ? [path.join(tree, '.config')] : [];
  return [path.join(folder, `config-${release}`), path.join(folder, 'config'), ...inTree];
}
