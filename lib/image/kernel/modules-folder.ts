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
 * @throws KernelError when there are none, or those of another kernel
 */
export async function findModules(folder: string, release: string): Promise<ModulesFolder> {
  const installed = ['lib/modules', 'usr/lib/modules'].map((each) => path.join(folder, each));
  for (const place of [...installed.map((each) => path.join(each, release)), folder]) {
    const text = await readFile(path.join(place, 'modules.dep'), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    if (path.basename(place) !== release) throw foreign(path.basename(place), folder, release);
    return { path: place, modules: parseModulesDep(text) };
  }
  const others = (await Promise.all(installed.map((each) => readdir(each).catch(() => [])))).flat();
  if (others.length > 0) throw foreign(others.join(', '), folder, release);
  throw new KernelError(
    `E2E_KERNEL_MODULES=${folder} holds no lib/modules/${release}/modules.dep. In the kernel's tree: make modules_install INSTALL_MOD_PATH=${folder}`,
  );
}

function foreign(seen: string, folder: string, release: string): KernelError {
  return new KernelError(
    `E2E_KERNEL_MODULES=${folder} holds the modules of ${seen}, and the kernel is ${release}. In the kernel's tree: make modules_install INSTALL_MOD_PATH=…`,
  );
}
