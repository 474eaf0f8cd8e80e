import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

import { packagesOf } from '../../lib/debian/lock.js';
import { unpackPackage } from '../../lib/debian/unpack.js';
import { cacheSubfolder } from '../../lib/host/cache-folder.js';
import { ensureBuilt } from '../../lib/host/ensure-built.js';
import type { BuildContext } from '../../lib/image/build-context.js';
import { withPackageFiles } from '../../lib/image/package-files.js';
import { withPackages } from '../../lib/image/packages-in-force.js';

const set = 'engine';

/**
 * A folder with Debian's packages of a container engine, unpacked into the cache: nothing of them is installed, no script of theirs runs. The
 * libraries that they need are `scripts/setup.sh docker`'s.
 */
export async function enginePrograms(context: BuildContext): Promise<string> {
  return await withPackages(context, async ({ lock }) => {
    const hashes = packagesOf(lock, set).map(({ sha256 }) => sha256);
    const key = createHash('sha256').update(hashes.join()).digest('hex').slice(0, 16);
    const target = path.join(await cacheSubfolder(context.cache, 'engine'), key);
    await ensureBuilt({
      target,
      what: 'the programs of a container engine',
      progress: context.progress,
      build: (folder) =>
        withPackageFiles(context, lock, set, async (files) => {
          for (const name of await readdir(files)) await unpackPackage(path.join(files, name), folder);
        }),
    });
    return target;
  });
}
