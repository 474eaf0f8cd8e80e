import { readFile } from 'node:fs/promises';

/** A line of packages.list: a package by name, or the one that a meta package depends on now. */
export type PackageRequest =
  { readonly name: string } | { readonly meta: string; readonly dependencyPrefix: string };

/** Reads a packages.list: a name a line, `@META PREFIX` for what META depends on, `#` for comments. */
export async function readPackageList(file: string): Promise<PackageRequest[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [first = '', prefix = ''] = line.split(/\s+/);
      return first.startsWith('@') ? { meta: first.slice(1), dependencyPrefix: prefix } : { name: first };
    });
}
