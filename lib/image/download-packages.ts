import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

import type { BuildSite } from './build-site.js';
import type { DebianPackage } from './debian-package.js';
import { ImageBuildError } from './errors.js';
import type { Progress } from './progress.js';

/**
 * Brings each package file into `folder`, which is kept between builds, and checks its SHA-256 against apt's index.
 *
 * @throws ImageBuildError when the download fails or a file is not what the index says.
 */
export async function downloadPackages(
  site: Pick<BuildSite, 'fetch'>,
  packages: readonly DebianPackage[],
  folder: string,
  progress: Progress,
): Promise<void> {
  const missing: DebianPackage[] = [];
  for (const wanted of packages) {
    if ((await sha256(path.join(folder, wanted.file))) !== wanted.sha256) missing.push(wanted);
  }
  if (missing.length === 0) return;

  const megabytes = missing.reduce((sum, wanted) => sum + wanted.size, 0) / 1e6;
  progress(`download ${missing.length} packages, ${megabytes.toFixed(0)} MB`);
  // Into a folder of its own and moved from there: a download that was cut off is never taken for a package.
  const incoming = await mkdtemp(path.join(folder, 'incoming-'));
  try {
    await site.fetch(missing, incoming, progress);
    for (const wanted of missing) {
      const file = path.join(incoming, wanted.file);
      const seen = await sha256(file);
      if (seen !== wanted.sha256) {
        throw new ImageBuildError(
          `${wanted.file}: SHA-256 is ${seen ?? 'that of no file'}, apt's index says ${wanted.sha256}. Try again; if it stays so, the mirror is broken.`,
        );
      }
      await rename(file, path.join(folder, wanted.file));
    }
  } finally {
    await rm(incoming, { recursive: true, force: true });
  }
}

async function sha256(file: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return hash.digest('hex');
}
