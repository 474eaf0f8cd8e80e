import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { type ArchiveEntry, cpioArchive } from '../cpio.js';
import type { ModuleFile } from './modules-dep.js';
import type { ModulesFolder } from './modules-folder.js';
import { unpack } from './unpack.js';

export interface OverlayOptions {
  readonly release: string;
  /** Where the modules lie; left out when there are none. */
  readonly folder: ModulesFolder | undefined;
  /** Those that go in. */
  readonly modules: readonly ModuleFile[];
  /** Names of what the kernel has built in: modprobe is content with these. */
  readonly builtIn: readonly string[];
}

/**
 * What is appended to the reference guest's initramfs for another kernel: the folder of that kernel's modules. Where it has none, the
 * folder says so, lest modules of a kernel of the same release be found in it.
 */
export async function modulesOverlay({ release, folder, modules, builtIn }: OverlayOptions): Promise<Buffer> {
  const root = `lib/modules/${release}`;
  const files = await Promise.all(
    modules.map(async ({ path: file }): Promise<ArchiveEntry & { data: Buffer }> => {
      const data = folder ? await readFile(path.join(folder.path, file)) : Buffer.alloc(0);
      const packed = !file.endsWith('.ko');
      return { path: `${root}/${plain(file)}`, data: packed ? await unpack(data, file) : data };
    }),
  );
  // Without depmod: modules.dep is all that busybox's modprobe needs to go by a name.
  const dependencies = modules
    .map((one) => `${plain(one.path)}:${one.needs.map((each) => ` ${plain(each)}`).join('')}\n`)
    .join('');
  const lists: ArchiveEntry[] = [
    { path: `${root}/modules.dep`, data: Buffer.from(dependencies) },
    {
      path: `${root}/modules.builtin`,
      data: Buffer.from(builtIn.map((name) => `kernel/${name}.ko\n`).join('')),
    },
  ];
  const all = [...lists, ...files];
  return cpioArchive([...foldersOf(all).map((each) => ({ path: each })), ...all]);
}

/** Modules are unpacked on the way. */
function plain(file: string): string {
  return file.replace(/\.ko\.\w+$/, '.ko');
}

function foldersOf(entries: readonly ArchiveEntry[]): string[] {
  const folders = new Set<string>();
  for (const { path: file } of entries) {
    const parts = file.split('/').slice(0, -1);
    for (const index of parts.keys()) folders.add(parts.slice(0, index + 1).join('/'));
  }
  return [...folders].sort();
}
