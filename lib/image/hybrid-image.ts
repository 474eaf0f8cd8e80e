import { createHash } from 'node:crypto';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { cacheSubfolder, markAsked } from '../host/cache-folder.js';
import { describeLacks, lacksOf, remedyFor } from './kernel/check.js';
import type { KernelConfig } from './kernel/config.js';
import { KernelError } from './kernel/errors.js';
import { findConfig } from './kernel/find-config.js';
import { type KernelFile, readKernelFile } from './kernel/kernel-file.js';
import { moduleName, selectModules } from './kernel/modules-dep.js';
import { findModules } from './kernel/modules-folder.js';
import { modulesOverlay } from './kernel/overlay.js';
import { guestRequirements, taggedRequirements, vmlinuxRequirements } from './kernel/requirements.js';
import { type ReferenceImage, referenceRecipe } from './reference-image.js';

/** A kernel of the user's, and the reference guest's initramfs made fit for it. */
export interface HybridImage {
  /** Absolute path. */
  readonly kernel: string;
  readonly format: KernelFile['format'];
  readonly release: string;
  /** Where its configuration was found; undefined when it was not, so that nothing was checked. */
  readonly configSource: string | undefined;
  /** Names of the modules that the guest has of it. */
  readonly modules: readonly string[];
  readonly initrd: string;
  /** By tag of specs that need something that this kernel lacks: what that is. */
  readonly lacks: ReadonlyMap<string, string>;
}

export interface HybridOptions {
  /** The project's cache folder (lib/host/cache-folder). */
  readonly cache: string;
  /** A bzImage or a vmlinux. */
  readonly kernel: string;
  /** See findModules; left out when all that is needed is built in. */
  readonly modules: string | undefined;
  readonly reference: ReferenceImage;
}

/**
 * Looks at a kernel, checks by its own configuration that the reference guest can run on it, and makes the initramfs.
 *
 * @throws KernelError with all that the kernel lacks, why that is needed, and the remedy
 */
export async function hybridImage({
  cache,
  kernel,
  modules,
  reference,
}: HybridOptions): Promise<HybridImage> {
  const file = path.resolve(kernel);
  const seen = await readKernelFile(file);
  const folder = modules === undefined ? undefined : await findModules(path.resolve(modules), seen.release);
  const selected = selectModules(folder?.modules ?? [], await wantedModules());
  const names = selected.map((one) => moduleName(one.path));
  const found = await findConfig(file, seen);
  if (found) refuseUnfit(file, seen, found, new Set(names));
  const overlay = await modulesOverlay({
    release: seen.release,
    folder,
    modules: selected,
    builtIn: found ? builtInModules(found.config) : [],
  });
  return {
    kernel: file,
    format: seen.format,
    release: seen.release,
    configSource: found?.source,
    modules: names,
    initrd: await appendToInitrd(cache, reference, overlay),
    lacks: found ? taggedLacks(found.config) : new Map(),
  };
}

/** The modules that the reference guest has of its own kernel: of another one those that it has. */
async function wantedModules(): Promise<string[]> {
  const text = await readFile(path.join(referenceRecipe, 'modules.list'), 'utf8');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

function refuseUnfit(
  file: string,
  { format, release }: KernelFile,
  { config, source }: { readonly config: KernelConfig; readonly source: string },
  modules: ReadonlySet<string>,
): void {
  const requirements = [...guestRequirements, ...(format === 'vmlinux' ? vmlinuxRequirements : [])];
  const lacks = lacksOf(config, requirements, modules);
  if (lacks.length === 0) return;
  throw new KernelError(
    [
      `The kernel ${file} (${release}) lacks ${lacks.length} of the options that the guest needs, by its configuration in ${source}:`,
      ...describeLacks(lacks).map((line) => `  ${line}`),
      `In the kernel's tree: ${remedyFor(lacks)}`,
    ].join('\n'),
  );
}

function taggedLacks(config: KernelConfig): Map<string, string> {
  return new Map(
    [...taggedRequirements].flatMap(([tag, requirement]) =>
      lacksOf(config, [requirement], new Set()).length === 0
        ? []
        : [[tag, `the kernel is built without CONFIG_${requirement.option}: ${requirement.why}`] as const],
    ),
  );
}

function builtInModules(config: KernelConfig): string[] {
  return guestRequirements.flatMap(({ option, module }) =>
    module !== undefined && config.get(option) === 'y' ? [module] : [],
  );
}

/** cpio archives may be appended to each other; the kernel wants each to begin at a multiple of 4 (init/initramfs.c). */
async function appendToInitrd(cache: string, reference: ReferenceImage, overlay: Buffer): Promise<string> {
  const key = createHash('sha256').update(reference.key).update(overlay).digest('hex').slice(0, 16);
  const folder = await cacheSubfolder(cache, 'hybrid', key);
  await markAsked(folder);
  const initrd = path.join(folder, 'initrd');
  if (await stat(initrd).catch(() => undefined)) return initrd;
  const original = await readFile(reference.initrd);
  const unfinished = `${initrd}.${String(process.pid)}`;
  await writeFile(unfinished, Buffer.concat([original, Buffer.alloc(-original.length & 3), overlay]));
  await rename(unfinished, initrd);
  return initrd;
}
