import { createHash } from 'node:crypto';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';

import { type PackageLock, packagesOf } from '../../debian/lock.js';
import { unpackPackage } from '../../debian/unpack.js';
import { cacheSubfolder } from '../../host/cache-folder.js';
import { ensureBuilt } from '../../host/ensure-built.js';
import type { BuildContext } from '../build-context.js';
import { withPackageFiles } from '../package-files.js';

const set = 'build-root';
/** Changes when what is done here beside unpacking changes. */
const formatVersion = 2;

/** What the build root's content depends on; what is built in it depends on that. */
export function buildRootKey(lock: PackageLock): string {
  const hash = createHash('sha256').update(`build root ${formatVersion}\n`);
  for (const { sha256 } of packagesOf(lock, set)) hash.update(sha256);
  return hash.digest('hex').slice(0, 16);
}

/**
 * The build root's folder, unpacked from the lock's packages if it is not in the cache. No script of a package runs: compilers and tools need
 * none.
 */
export async function unpackBuildRoot(
  context: Pick<BuildContext, 'cache' | 'archives' | 'progress'>,
  lock: PackageLock,
): Promise<string> {
  const { cache, progress } = context;
  const target = path.join(await cacheSubfolder(cache, 'roots'), buildRootKey(lock));
  await ensureBuilt({
    target,
    what: 'the build root',
    progress,
    build: (folder) =>
      withPackageFiles(context, lock, set, async (files) => {
        progress('unpack the build root');
        await layOut(files, folder);
      }),
  });
  return target;
}

async function layOut(files: string, folder: string): Promise<void> {
  // Debian's merged /usr, which its packages expect to find.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    await mkdir(path.join(folder, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, path.join(folder, name));
  }
  for (const name of ['dev', 'etc', 'in', 'mnt', 'out', 'proc', 'tmp']) await mkdir(path.join(folder, name));
  const leaveOut = ['doc', 'man', 'locale', 'info'].map((name) => `./usr/share/${name}/*`);
  const names = (await readdir(files)).values();
  const unpackSome = async (): Promise<void> => {
    for (const name of names) await unpackPackage(path.join(files, name), folder, leaveOut);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, unpackSome));
  // What packages' scripts would have made.
  for (const [link, program] of Object.entries({ awk: 'mawk', cc: 'gcc' }))
    await symlink(program, path.join(folder, 'usr/bin', link));
  await writeFile(path.join(folder, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(path.join(folder, 'etc/group'), 'root:x:0:\n');
}
