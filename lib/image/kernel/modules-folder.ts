import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { KernelError } from './errors.js';
import { type ModuleFile, parseModulesDep } from './modules-dep.js';

/** The modules that belong to a kernel. */
export interface ModulesFolder {
  /** Absolute path of the folder that `modules.dep` lies in. */
  readonly path: string;
  readonly modules: readonly ModuleFile[];
}

/**
 * The modules of a kernel in `folder`: either what was given to `make modules_install` as INSTALL_MOD_PATH, or the folder
 * lib/modules/RELEASE in it.
 *
 * @throws KernelError when there are none, those of another kernel, or none that depmod has seen
 */
export async function findModules(folder: string, release: string): Promise<ModulesFolder> {
  const installed = ['', 'usr'].map((base) => path.join(folder, base));
  const places = [...installed.map((base) => path.join(base, 'lib/modules', release)), path.resolve(folder)];
  for (const place of places) {
    const text = await readIfThere(path.join(place, 'modules.dep'));
    if (text === undefined) continue;
    if (path.basename(place) !== release) throw foreign(path.basename(place), folder, release);
    return { path: place, modules: parseModulesDep(text) };
  }
  for (const place of places) {
    if (path.basename(place) === release && (await namesIn(place)).length > 0) throw unseen(place, release);
  }
  const all = await Promise.all(installed.map((base) => namesIn(path.join(base, 'lib/modules'))));
  const others = [...new Set(all.flat())].filter((each) => each !== release);
  if (others.length > 0) throw foreign(others.join(', '), folder, release);
  throw new KernelError(
    `E2E_KERNEL_MODULES=${folder} holds no lib/modules/${release}/modules.dep. In the kernel's tree: make modules_install INSTALL_MOD_PATH=${folder}`,
  );
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new KernelError(`${file} cannot be read: ${message}. Make it readable for this user.`);
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}

function foreign(seen: string, folder: string, release: string): KernelError {
  return new KernelError(
    `E2E_KERNEL_MODULES=${folder} holds the modules of ${seen}, and the kernel is ${release}. In the kernel's tree: make modules_install INSTALL_MOD_PATH=…`,
  );
}

/** The modules are there as a package has them, unpacked and not installed: depmod is what its installation runs. */
function unseen(place: string, release: string): KernelError {
  const below = path.join('lib/modules', release);
  const base = place.endsWith(`/${below}`) ? place.slice(0, -below.length - 1) : undefined;
  const remedy =
    base === undefined
      ? `Move it to …/${below}, and run: depmod -b … ${release}`
      : `Run: depmod -b ${quoted(base === '' ? '/' : base)} ${release}`;
  return new KernelError(`${place} holds modules, and no modules.dep, by which they are found. ${remedy}`);
}

/** As a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
