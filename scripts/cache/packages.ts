import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { type Item, item, leftover, leftoverMark, namesIn } from './item.js';

/** Debian packages that builds begin with. */
export async function surveyPackages(cache: string, processes: readonly string[]): Promise<Item[]> {
  const kind = 'packages';
  const folder = path.join(cache, kind);
  const wanted = await wantedPackages(cache);
  return await Promise.all(
    (await namesIn(folder)).map((name): Promise<Item> => {
      const file = path.join(folder, name);
      if (leftoverMark.test(name)) return leftover(file, kind, processes);
      const stale = wanted && !wanted.has(name) ? 'nothing that is kept is built with it' : undefined;
      return item(file, { kind, stale, processes });
    }),
  );
}

/**
 * What the recipes of every kind of build asked apt for last, and what the reference guests that are kept were built from. Undefined if
 * that cannot be told, and then none counts as unwanted.
 */
async function wantedPackages(cache: string): Promise<Set<string> | undefined> {
  const reference = path.join(cache, 'reference');
  const folders = (await namesIn(cache)).map((name) => path.join(cache, name));
  // Some kinds have a list for each place where they are built: native.packages.json.
  const asked = await Promise.all(
    folders.map(async (folder) =>
      (await namesIn(folder))
        .filter((name) => /^(.*\.)?packages\.json$/.test(name))
        .map((name) => path.join(folder, name)),
    ),
  );
  const lists = [
    ...asked.flat(),
    ...(await namesIn(reference)).map((name) => path.join(reference, name, 'manifest.json')),
  ];
  const wanted = new Set<string>();
  let known = false;
  for (const list of lists) {
    let text: string;
    try {
      text = await readFile(list, 'utf8');
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') continue;
      return undefined;
    }
    const files = packageFiles(text);
    if (!files) return undefined;
    for (const file of files) wanted.add(file);
    known = true;
  }
  return known ? wanted : undefined;
}

function packageFiles(text: string): string[] | undefined {
  try {
    const { packages } = JSON.parse(text) as { packages: readonly { file: string }[] };
    return packages.map(({ file }) => file);
  } catch {
    return undefined;
  }
}
