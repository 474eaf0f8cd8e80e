import { type ArchiveEntry, cpioArchive } from '../cpio.js';
import type { KernelModule } from './module-file.js';

export interface OverlayOptions {
  readonly release: string;
  /** Of the kernel's own modules those that go in. */
  readonly modules: readonly KernelModule[];
  /** Modules that need no other: extra/NAME.ko. */
  readonly extra?: readonly KernelModule[];
  /** Names of what the kernel has built in: modprobe is content with these. */
  readonly builtIn: readonly string[];
}

/**
 * What is appended to the reference guest's initramfs for another kernel: the folder of that kernel's modules. Where it has none, the
 * folder says so, lest modules of a kernel of the same release be found in it.
 */
export function modulesOverlay({ release, modules, extra = [], builtIn }: OverlayOptions): Buffer {
  const root = `lib/modules/${release}`;
  const file = (name: string): string => `kernel/${name}.ko`;
  const needs = neededBy(modules);
  // Without depmod: modules.dep is all that busybox's modprobe needs to go by a name.
  const dependencies = modules
    .map(
      ({ name }) =>
        `${file(name)}:${needs(name)
          .map((each) => ` ${file(each)}`)
          .join('')}\n`,
    )
    .join('');
  const own = extra.map(({ name }) => `extra/${name}.ko:\n`).join('');
  const all: (ArchiveEntry & { data: Buffer })[] = [
    { path: `${root}/modules.dep`, data: Buffer.from(dependencies + own) },
    { path: `${root}/modules.builtin`, data: Buffer.from(builtIn.map((name) => `${file(name)}\n`).join('')) },
    ...modules.map(({ name, data }) => ({ path: `${root}/${file(name)}`, data })),
    ...extra.map(({ name, data }) => ({ path: `${root}/extra/${name}.ko`, data })),
  ];
  return cpioArchive([...foldersOf(all).map((each) => ({ path: each })), ...all]);
}

/** All that a module needs, each once and what is needed first last, as modules.dep has it. */
function neededBy(modules: readonly KernelModule[]): (name: string) => string[] {
  const direct = new Map(modules.map(({ name, needs }) => [name, needs]));
  return (name) => {
    const found: string[] = [];
    const add = (each: string): void => {
      for (const need of direct.get(each) ?? []) {
        if (!direct.has(need)) continue;
        if (found.includes(need)) found.splice(found.indexOf(need), 1);
        found.push(need);
        add(need);
      }
    };
    add(name);
    return found;
  };
}

function foldersOf(entries: readonly ArchiveEntry[]): string[] {
  const folders = new Set<string>();
  for (const { path: file } of entries) {
    const parts = file.split('/').slice(0, -1);
    for (const index of parts.keys()) folders.add(parts.slice(0, index + 1).join('/'));
  }
  return [...folders].sort();
}
