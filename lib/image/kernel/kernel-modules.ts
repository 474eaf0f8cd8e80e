import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { KernelError } from './errors.js';
import { type KernelModule, moduleName, readModule } from './module-file.js';

/** Absolute paths of a kernel's modules, by their names. */
export type ModuleFiles = ReadonlyMap<string, string>;

/**
 * The modules of a kernel in `folder`: a kernel's tree in which they were built; what was given to `make modules_install` as INSTALL_MOD_PATH,
 * or a package was unpacked to; or the folder lib/modules/RELEASE itself. Neither an installation nor depmod is needed.
 *
 * @throws KernelError when there are none, or those of another kernel
 */
export async function findModules(folder: string, release: string): Promise<ModuleFiles> {
  const tree = await modulesOfTree(folder, release);
  if (tree) return tree;
  const own = path.resolve(folder);
  const installed = ['', 'usr'].map((base) => path.join(own, base, 'lib/modules'));
  const places = installed.map((base) => path.join(base, release));
  for (const place of path.basename(own) === release ? [...places, own] : places) {
    const files = await moduleFilesBelow(place);
    if (files.length > 0) return new Map(files.map((file) => [moduleName(file), file]));
  }
  const all = (await Promise.all(installed.map(namesIn))).flat();
  const others = new Set(path.basename(path.dirname(own)) === 'modules' ? [path.basename(own)] : all);
  others.delete(release);
  if (others.size > 0) throw foreign([...others].join(', '), folder, release);
  throw new KernelError(
    `E2E_KERNEL_MODULES=${folder} holds no modules in lib/modules/${release}. In the kernel's tree: make modules; then name the tree itself, or the folder of make modules_install INSTALL_MOD_PATH=${folder}`,
  );
}

/** The modules of these names, and all that they need; names that no module has are left out. */
export async function selectModules(
  all: ModuleFiles,
  names: readonly string[],
  release: string,
): Promise<KernelModule[]> {
  const selected = new Map<string, KernelModule>();
  const add = async (name: string): Promise<void> => {
    const file = all.get(name);
    if (file === undefined || selected.has(name)) return;
    const module = await readModule(file, release);
    for (const need of module.needs) await add(need);
    selected.set(name, module);
  };
  for (const name of names) await add(moduleName(name));
  return [...selected.values()];
}

/** By modules.order: what the last `make modules` built, and not what older ones left (scripts/Makefile.build; `.o` since Linux 6.3). */
async function modulesOfTree(tree: string, release: string): Promise<ModuleFiles | undefined> {
  // Of a kernel that has everything built in there is none.
  const order = await readFile(path.join(tree, 'modules.order'), 'utf8').catch(() => '');
  const built = await readFile(path.join(tree, 'include/config/kernel.release'), 'utf8').catch(
    () => undefined,
  );
  if (built === undefined) return undefined;
  if (built.trim() !== release) throw foreign(built.trim(), tree, release);
  const files = order.split('\n').filter((line) => line !== '');
  return new Map(
    files.map((line) => {
      const file = line.replace(/^kernel\//, '').replace(/\.o$/, '.ko');
      return [moduleName(file), path.resolve(tree, file)];
    }),
  );
}

/** In the order in which depmod prefers them, the last one most: updates, extra, and what came with the kernel. */
async function moduleFilesBelow(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new KernelError(`${folder} cannot be read: ${message}. Make it readable for this user.`);
  });
  const files = names.filter((name) => /\.ko(\.(gz|xz|zst))?$/.test(name)).sort();
  const rank = (name: string): number => ['updates', 'extra'].indexOf(name.split('/')[0] ?? '');
  const preferred = (name: string): number => (rank(name) === -1 ? 0 : 2 - rank(name));
  return files.sort((one, other) => preferred(one) - preferred(other)).map((name) => path.join(folder, name));
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}

function foreign(seen: string, folder: string, release: string): KernelError {
  return new KernelError(
    `${folder} holds the modules of ${seen}, and the kernel is ${release}. In the kernel's tree: make bzImage modules`,
  );
}
