import { createHash } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';

import type { DebianPackage } from './debian-package.js';

/** Changes when what lib/image itself writes beside the recipe's files changes. */
const formatVersion = 1;

/** What lies in the recipe's folder but does not go into the image. */
const notPartOfTheImage = new Set(['launch-opentdx.sh', 'README.md']);

/**
 * The content hash of everything that goes into the reference guest: the recipe's files with their modes, the packages' hashes
 * and the compiler. Two builds with one key hold the same programs (their keys for ssh differ).
 */
export async function imageKey(
  recipe: string,
  packages: readonly DebianPackage[],
  compiler: string,
): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ formatVersion, compiler, packages: packages.map((one) => one.sha256) }));
  const entries = await readdir(recipe, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(recipe, path.join(entry.parentPath, entry.name)))
    .filter((file) => !notPartOfTheImage.has(path.basename(file)))
    .sort();
  for (const file of files) {
    const full = path.join(recipe, file);
    const executable = ((await stat(full)).mode & 0o100) !== 0;
    const content = createHash('sha256')
      .update(await readFile(full))
      .digest('hex');
    hash.update(`${file}\0${executable}\0${content}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}
