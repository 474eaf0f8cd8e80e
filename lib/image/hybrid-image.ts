import { createHash } from 'node:crypto';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { cacheSubfolder, markAsked } from '../host/cache-folder.js';
import { appendArchive } from './cpio.js';
import { describeLacks, lacksOf, remedyFor } from './kernel/check.js';
import type { KernelConfig } from './kernel/config.js';
import { KernelError } from './kernel/errors.js';
import { findConfig } from './kernel/find-config.js';
import { type KernelFile, readKernelFile } from './kernel/kernel-file.js';
import { findModules, selectModules } from './kernel/kernel-modules.js';
import { type KernelChoice, placeOfKernel } from './kernel/kernel-place.js';
import { ownModules } from './kernel/own-modules.js';
import type { KernelModule } from './kernel/module-file.js';
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
  /** Why it has none of the project's own modules; undefined if it has them. */
  readonly noOwnModules: string | undefined;
  readonly initrd: string;
  /** By tag of specs that need something that this kernel lacks: what that is. */
  readonly lacks: ReadonlyMap<string, string>;
}

export interface HybridOptions {
  /** The project's cache folder (lib/host/cache-folder). */
  readonly cache: string;
  readonly choice: KernelChoice;
  readonly reference: ReferenceImage;
}

/**
 * Looks at a kernel, checks by its own configuration that the reference guest can run on it, and makes the initramfs.
 *
 * @throws KernelError with all that the kernel lacks, why that is needed, and the remedy
 */
export async function hybridImage({ cache, choice, reference }: HybridOptions): Promise<HybridImage> {
  const { file, modules, headers } = await placeOfKernel(cache, choice);
  const seen = await readKernelFile(file);
  const { release, format } = seen;
  const all = modules === undefined ? new Map<string, string>() : await findModules(modules, release);
  const selected = await selectModules(all, await wantedModules(), release);
  const names = selected.map(({ name }) => name);
  const found = await findConfig(file, seen);
  if (found) refuseUnfit(file, seen, found, new Set(names));
  const own = await ownModulesFor(cache, file, headers, found?.config);
  const overlay = modulesOverlay({
    release,
    modules: selected,
    extra: typeof own === 'string' ? [] : own,
    builtIn: found ? builtInModules(found.config) : [],
  });
  return {
    kernel: file,
    format,
    release,
    configSource: found?.source,
    modules: names,
    noOwnModules: typeof own === 'string' ? own : undefined,
    initrd: await appendToInitrd(cache, reference, overlay),
    lacks: found ? taggedLacks(found.config) : new Map(),
  };
}

/** @returns in words why there are none */
async function ownModulesFor(
  cache: string,
  kernel: string,
  headers: string | undefined,
  config: KernelConfig | undefined,
): Promise<KernelModule[] | string> {
  if (config && !config.has('MODULES')) return 'the kernel is built without CONFIG_MODULES';
  if (headers === undefined)
    return "the project's own modules, verify_pte among them, cannot be built for this kernel: name its tree with E2E_KERNEL, or what its modules are built against with E2E_KERNEL_HEADERS";
  try {
    return await ownModules({ cache, headers, kernel, config });
  } catch (error) {
    if (error instanceof KernelError) return error.message;
    throw error;
  }
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
      lacksOf(config, [requirement], new Set(requirement.module === undefined ? [] : [requirement.module]))
        .length === 0
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

async function appendToInitrd(cache: string, reference: ReferenceImage, overlay: Buffer): Promise<string> {
  const key = createHash('sha256').update(reference.key).update(overlay).digest('hex').slice(0, 16);
  const folder = await cacheSubfolder(cache, 'hybrid', key);
  await markAsked(folder);
  const initrd = path.join(folder, 'initrd');
  if (await stat(initrd).catch(() => undefined)) return initrd;
  const unfinished = `${initrd}.${String(process.pid)}`;
  await writeFile(unfinished, appendArchive(await readFile(reference.initrd), overlay));
  await rename(unfinished, initrd);
  return initrd;
}
