import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';

import { cacheSubfolder } from '../../host/cache-folder.js';
import { ensureBuilt } from '../../host/ensure-built.js';
import { KernelError } from './errors.js';

/** What a user names of a kernel: `E2E_KERNEL`, `E2E_KERNEL_MODULES`, `E2E_KERNEL_HEADERS`. */
export interface KernelChoice {
  /** A bzImage or a vmlinux; a kernel's tree; a Debian package, or the folder that one was unpacked to. */
  readonly kernel: string;
  /** Left out for a tree or a package that holds them, or when all that is needed is built in. */
  readonly modules?: string | undefined;
  /** What modules can be built against; left out for a tree. */
  readonly headers?: string | undefined;
}

/** The same as absolute paths of files and folders. */
export interface KernelPlace {
  readonly file: string;
  /** See findModules. */
  readonly modules: string | undefined;
  readonly headers: string | undefined;
}

/**
 * Finds what belongs to a kernel that is named in one of the ways of {@link KernelChoice}. Packages are unpacked into the cache.
 *
 * @throws KernelError it holds no kernel, or several, or cannot be unpacked
 */
export async function placeOfKernel(cache: string, choice: KernelChoice): Promise<KernelPlace> {
  const given = await unpacked(cache, path.resolve(choice.kernel));
  const ofModules =
    choice.modules === undefined ? undefined : await unpacked(cache, path.resolve(choice.modules));
  const headers = choice.headers === undefined ? undefined : path.resolve(choice.headers);
  const isFolder = (await stat(given).catch(() => undefined))?.isDirectory() === true;
  const file = isFolder ? await kernelIn(given, choice.kernel) : given;
  const tree = await treeOf(file);
  return {
    file,
    modules: ofModules ?? tree ?? (isFolder ? given : undefined),
    headers: headers ?? tree,
  };
}

/** The tree, or build folder, that a bzImage or vmlinux was built in. */
async function treeOf(file: string): Promise<string | undefined> {
  for (const tree of [path.dirname(file), path.resolve(path.dirname(file), '../../..')])
    if (await stat(path.join(tree, 'include/config/kernel.release')).catch(() => undefined)) return tree;
  return undefined;
}

async function kernelIn(folder: string, given: string): Promise<string> {
  const built = path.join(folder, 'arch/x86/boot/bzImage');
  if (await stat(built).catch(() => undefined)) return built;
  const bases = ['boot', 'lib/modules/*', 'usr/lib/modules/*', '.'];
  const found = (await Promise.all(bases.map((base) => kernelsIn(folder, base)))).flat();
  const [kernel, ...others] = found;
  if (kernel !== undefined && others.length === 0) return kernel;
  if (others.length > 0) {
    throw new KernelError(
      `${given} holds ${found.length} kernels: ${found.join(', ')}. Set E2E_KERNEL to one of them.`,
    );
  }
  const isTree = await stat(path.join(folder, 'Kbuild')).catch(() => undefined);
  const remedy = isTree
    ? 'It is a kernel tree that was not built: make bzImage modules'
    : 'Name a bzImage or vmlinux, a tree that is built, or a package with the kernel in it (from Linux 6.19 on Debian has it in linux-binary-…, and the modules, for E2E_KERNEL_MODULES, in linux-modules-…).';
  throw new KernelError(`${given} holds no kernel. ${remedy}`);
}

async function kernelsIn(folder: string, base: string): Promise<string[]> {
  const [fixed = '', any] = base.split('/*');
  const names = async (place: string): Promise<string[]> => await readdir(place).catch(() => []);
  const places =
    any === undefined
      ? [path.join(folder, base)]
      : (await names(path.join(folder, fixed))).map((name) => path.join(folder, fixed, name));
  const all = await Promise.all(
    places.map(async (place) =>
      (await names(place)).filter((name) => /^vmlinuz($|-)/.test(name)).map((name) => path.join(place, name)),
    ),
  );
  return all.flat();
}

/** The folder that a Debian package is unpacked to; anything else as it is. */
async function unpacked(cache: string, file: string): Promise<string> {
  if (!file.endsWith('.deb')) return file;
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new KernelError(`The package ${file} cannot be read: ${String(error)}`, { cause: error });
  });
  const key = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const target = path.join(await cacheSubfolder(cache, 'kernel-packages'), key);
  await ensureBuilt({
    target,
    what: 'an unpacked kernel package',
    build: async (folder) => {
      const result = await execa('dpkg-deb', ['-x', file, folder], { reject: false });
      if (!result.failed) return;
      const why = result.code === 'ENOENT' ? 'this host has no dpkg-deb: install dpkg' : result.stderr.trim();
      throw new KernelError(`The package ${file} cannot be unpacked: ${why}.`);
    },
  });
  return target;
}
