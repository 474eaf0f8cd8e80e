import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { readLock } from '../../lib/debian/lock.js';
import { fileOf } from '../../lib/debian/package.js';
import { lockFile, packagesInForce } from '../../lib/image/packages-in-force.js';
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
      const stale = wanted && !wanted.has(name) ? 'no lock names it, nor any guest that is kept' : undefined;
      return item(file, { kind, stale, processes });
    }),
  );
}

/**
 * What the lock names, what is in force instead of it, and what the reference guests that are kept were built from. Undefined if that cannot
 * be told, and then none counts as unwanted.
 */
async function wantedPackages(cache: string): Promise<Set<string> | undefined> {
  const locks = [await readLock(lockFile), (await packagesInForce(cache)).lock];
  const reference = path.join(cache, 'reference');
  const manifests = (await namesIn(reference)).map((name) => path.join(reference, name, 'manifest.json'));
  const built = await Promise.all(manifests.map(packagesOfGuest));
  if (built.includes(undefined)) return undefined;
  const packages = [
    ...locks.flatMap(({ sets }) => Object.values(sets).flat()),
    ...built.flatMap((one) => one ?? []),
  ];
  return new Set(packages.map(fileOf));
}

async function packagesOfGuest(manifest: string): Promise<readonly { path: string }[] | undefined> {
  const text = await readFile(manifest, 'utf8').catch(() => undefined);
  if (text === undefined) return [];
  try {
    const { packages } = JSON.parse(text) as { packages: readonly { path?: string }[] };
    return packages.map(({ path: file }) => ({ path: file ?? '' })).filter(({ path: file }) => file !== '');
  } catch {
    return undefined;
  }
}
