import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { cacheSubfolder, markAsked } from '../../lib/host/cache-folder.js';
import { withLock } from '../../lib/host/lease/index.js';
import { downloadPackages } from '../../lib/image/download-packages.js';
import { nativeSite } from '../../lib/image/native/site.js';
import type { Progress } from '../../lib/image/progress.js';
import type { Workshop } from '../../lib/image/recipe.js';
import { resolvePackages } from '../../lib/image/resolve-packages.js';

const run = promisify(execFile);

/** Installed, the first two would be services of the host. */
export const enginePackages = ['docker.io', 'containerd', 'runc', 'tini'];
/** As would this. */
export const registryPackages = ['docker-registry'];

/**
 * A folder with Debian's packages of these names, unpacked into the cache: nothing of them is installed, no script of theirs runs. The
 * libraries that they need are `scripts/setup.sh docker`'s.
 */
export async function unpackedPackages(
  packageNames: readonly string[],
  { cache, workshop, progress }: { cache: string; workshop: Workshop; progress: Progress },
): Promise<string> {
  await using site = await nativeSite(workshop);
  const packages = await resolvePackages(
    site,
    packageNames.map((name) => ({ name })),
  );
  const key = createHash('sha256')
    .update(packages.map(({ sha256 }) => sha256).join())
    .digest('hex')
    .slice(0, 16);
  const target = path.join(await cacheSubfolder(cache, 'engine'), key);
  await withLock(`engine:${target}`, `unpacks ${packageNames.join(', ')}`, async () => {
    if (await exists(target)) {
      await markAsked(target);
      return;
    }
    const downloads = await cacheSubfolder(cache, 'packages');
    await downloadPackages(site, packages, downloads, progress);
    const unfinished = await mkdtemp(`${target}.unfinished-`);
    try {
      for (const { file } of packages) await run('dpkg-deb', ['-x', path.join(downloads, file), unfinished]);
      await rename(unfinished, target);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  });
  return target;
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
