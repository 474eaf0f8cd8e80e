import { createHash } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** Changes when what lib/image itself writes beside the recipes' files changes. */
const formatVersion = 2;

/** What lies in a recipe's folder but does not go into what is built. */
const notPartOfIt = new Set(['launch-opentdx.sh', 'README.md']);

/**
 * The content hash of all that something is built from: the recipes' files with their modes, and what else is named. Two builds with one
 * key are the same, byte for byte, but for keys made at build time.
 *
 * @param recipes files, and folders with all that is in them
 * @param others for example packages' hashes and the key of the build root
 * @returns 16 hexadecimal digits
 */
export async function imageKey(recipes: readonly string[], others: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify({ formatVersion, others }));
  for (const recipe of recipes) {
    for (const file of await filesOf(recipe)) {
      const full = path.join(recipe, file);
      const executable = ((await stat(full)).mode & 0o100) !== 0;
      const content = createHash('sha256')
        .update(await readFile(full))
        .digest('hex');
      hash.update(`${path.basename(recipe)}/${file}\0${executable}\0${content}\n`);
    }
  }
  return hash.digest('hex').slice(0, 16);
}

async function filesOf(recipe: string): Promise<string[]> {
  if ((await stat(recipe)).isFile()) return [''];
  const entries = await readdir(recipe, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !notPartOfIt.has(entry.name))
    .map((entry) => path.relative(recipe, path.join(entry.parentPath, entry.name)))
    .sort();
}
