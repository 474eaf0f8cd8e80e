import path from 'node:path';

import ssh2 from 'ssh2';
import { writeFile, mkdir } from 'node:fs/promises';

import type { Environment } from '../../fixtures/environment.js';
import { inWorkshop } from '../../fixtures/stacks/in-workshop.js';
import { packagesOf } from '../../lib/debian/lock.js';
import { cacheSubfolder } from '../../lib/host/cache-folder.js';
import { ensureBuilt } from '../../lib/host/ensure-built.js';
import type { BuildContext } from '../../lib/image/build-context.js';
import { buildRootKey, openBuildRoot } from '../../lib/image/build-root/index.js';
import { imageKey } from '../../lib/image/image-key.js';
import { withPackageFiles } from '../../lib/image/package-files.js';
import { packagesInForce, withPackages } from '../../lib/image/packages-in-force.js';
import type { Progress } from '../../lib/image/progress.js';
import {
  ensureReferenceImage,
  type ReferenceImage,
  referenceRecipe,
} from '../../lib/image/reference-image.js';

/** The parts of a stand-in checkout that are built: L1's disk and key, its kernel and initramfs. */
export interface StandInL1 {
  readonly folder: string;
  /** Raw disk with a Debian userland and OpenSSH. To be copied: whoever boots it writes to it. */
  readonly disk: string;
  /** Private key that root accepts in L1. */
  readonly identityFile: string;
  readonly kernel: string;
  readonly initrd: string;
  /** The reference guest whose kernel, modules and tools are in it. */
  readonly reference: ReferenceImage;
}

const recipe = path.join(import.meta.dirname, 'l1');
const set = 'stand-in';

/**
 * L1 of a stand-in checkout, from the cache or built now (20 s beside the downloads, on 2 cores).
 *
 * @param environment where its cache is, and how the reference guest in it is built
 * @throws ImageBuildError with the step that failed, its last output, and the remedy
 */
export async function ensureStandInL1(environment: Environment, progress: Progress): Promise<StandInL1> {
  return await inWorkshop(environment, progress, (context) => withPackages(context, () => ensureL1(context)));
}

async function ensureL1(context: BuildContext): Promise<StandInL1> {
  const reference = await ensureReferenceImage(context);
  // The guest's packages may be in force since now.
  const { lock } = await packagesInForce(context.cache);
  const hashes = packagesOf(lock, set).map(({ sha256 }) => sha256);
  const key = await imageKey([recipe], [...hashes, reference.key, buildRootKey(lock)]);
  const target = path.join(await cacheSubfolder(context.cache, 'stand-in'), key);
  await ensureBuilt({
    target,
    what: 'L1 of the stand-in checkout',
    progress: context.progress,
    build: async (folder) => {
      await using root = await openBuildRoot(context, lock);
      const keys = path.join(context.workshop.folder, 'keys');
      await makeKeys(keys);
      await withPackageFiles(context, lock, set, (debs) =>
        root.run({
          what: 'L1 of the stand-in checkout',
          command: ['/in/l1/build.sh', '/in/packages', '/in/guest', '/in/keys', '/out'],
          inputs: {
            '/in/l1': recipe,
            '/in/reference': referenceRecipe,
            '/in/packages': debs,
            '/in/guest': reference.folder,
            '/in/keys': keys,
          },
          out: folder,
        }),
      );
    },
  });
  return {
    folder: target,
    disk: path.join(target, 'l1.img'),
    identityFile: path.join(target, 'l1.id_rsa'),
    kernel: path.join(reference.folder, 'bzImage'),
    initrd: path.join(target, 'initrd.img-l1'),
    reference,
  };
}

/** Root's key, under the name that open-tdx's own image goes with, and the host's. */
async function makeKeys(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const comment = 'opentdx-e2e stand-in';
  const pairs = {
    'l1.id_rsa': ssh2.utils.generateKeyPairSync('rsa', { bits: 3072, comment }),
    ssh_host_ed25519_key: ssh2.utils.generateKeyPairSync('ed25519', { comment }),
  };
  for (const [name, pair] of Object.entries(pairs)) {
    await writeFile(path.join(folder, name), pair.private, { mode: 0o600 });
    await writeFile(path.join(folder, `${name}.pub`), `${pair.public}\n`);
  }
}
