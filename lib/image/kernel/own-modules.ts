import { copyFile, cp, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';
import { dir } from 'tmp-promise';

import { cacheSubfolder } from '../../host/cache-folder.js';
import { ensureBuilt } from '../../host/ensure-built.js';
import { imageKey } from '../image-key.js';
import { referenceRecipe } from '../reference-image.js';
import type { KernelConfig } from './config.js';
import { KernelError } from './errors.js';
import { type KernelModule, moduleName } from './module-file.js';

export interface OwnModulesOptions {
  readonly cache: string;
  /** A kernel's tree or build folder, or the folder of a headers package. */
  readonly headers: string;
  /** Absolute path of the kernel that they are for: where it was built again, they are, too. */
  readonly kernel: string;
  readonly config: KernelConfig | undefined;
}

const sources = path.join(referenceRecipe, 'modules');

/**
 * The project's own modules (images/reference/modules), built against another kernel with this host's compiler, in some seconds; from the
 * cache if they were before.
 *
 * @throws KernelError with the first error of the build
 */
export async function ownModules(options: OwnModulesOptions): Promise<KernelModule[]> {
  const names = await moduleFolders();
  const { mtimeMs, size } = await stat(options.kernel);
  const key = await imageKey([sources], [options.headers, options.kernel, String(mtimeMs), String(size)]);
  const target = path.join(await cacheSubfolder(options.cache, 'own-modules'), key);
  await ensureBuilt({
    target,
    what: "the project's own modules",
    build: async (folder) => {
      for (const name of names) await buildModule(name, folder, options);
    },
  });
  return await Promise.all(
    names.map(async (name) => ({
      name: moduleName(name),
      data: await readFile(path.join(target, `${name}.ko`)),
      needs: [],
    })),
  );
}

async function moduleFolders(): Promise<string[]> {
  const entries = await readdir(sources, { withFileTypes: true });
  return entries.filter((each) => each.isDirectory()).map(({ name }) => name);
}

async function buildModule(name: string, out: string, { headers, config }: OwnModulesOptions): Promise<void> {
  // Kbuild refuses paths with blanks or colons.
  const tmpdir = /[^\w./-]/.test(process.env.TMPDIR ?? '') ? '/var/tmp' : undefined;
  const work = await dir({ unsafeCleanup: true, ...(tmpdir === undefined ? {} : { tmpdir }) });
  try {
    await cp(path.join(sources, name), work.path, { recursive: true });
    const variables = [
      `M=${work.path}`,
      // Needs pahole and the vmlinux, and nothing reads it.
      'CONFIG_DEBUG_INFO_BTF_MODULES=',
      // Of a tree without modules the kernel's symbols are not known; insmod finds them.
      'KBUILD_MODPOST_WARN=1',
      ...(config?.get('CC_IS_CLANG') === 'y' ? ['LLVM=1'] : []),
    ];
    const result = await execa('make', ['-C', headers, ...variables, 'modules'], {
      reject: false,
      all: true,
      extendEnv: true,
      env: { LC_ALL: 'C' },
    });
    if (result.failed) {
      const lines = result.all.split('\n');
      const first = lines.find((line) => /error|No rule|not found|\*\*\*/i.test(line)) ?? lines.at(-1) ?? '';
      const said = result.code === 'ENOENT' ? 'this host has no make: install make and gcc' : first.trim();
      throw new KernelError(
        `The project's module ${name} cannot be built against ${headers}: ${said}. Try there: make modules_prepare`,
      );
    }
    await copyFile(path.join(work.path, `${name}.ko`), path.join(out, `${name}.ko`));
  } finally {
    await work.cleanup();
  }
}
