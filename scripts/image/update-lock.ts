import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';

import type { Environment } from '../../fixtures/environment.js';
import { referenceImage } from '../../fixtures/stacks/reference-image.js';
import { type PackageLock, writeLock } from '../../lib/debian/lock.js';
import { InfrastructureError } from '../../lib/errors.js';
import { findNewest, lockFile } from '../../lib/image/packages-in-force.js';
import type { Progress } from '../../lib/image/progress.js';

const root = path.resolve(import.meta.dirname, '../..');
/** What a guest must do before its packages are called good. */
const trial = 'specs/vfio/clear-page-user.spec.ts';

/**
 * Writes a lock of the newest packages, and tries what is built of them. The lock that was there comes back if that fails.
 *
 * @returns what the lock says now, in one line
 * @throws PackagesError, ImageBuildError; InfrastructureError when the guest does not do its job
 */
export async function updateLock(environment: Environment, progress: Progress): Promise<string> {
  const before = await readFile(lockFile).catch(() => undefined);
  const lock = await findNewest(environment);
  await writeLock(lockFile, lock);
  try {
    await referenceImage(environment, progress);
    progress(`boot the guest: ${trial}`);
    const playwright = path.join(root, 'node_modules/@playwright/test/cli.js');
    const args = [playwright, 'test', '--project=reference', '--workers=1', '--reporter=line', trial];
    const { failed, all } = await execa(process.execPath, args, { cwd: root, all: true, reject: false });
    if (failed)
      throw new InfrastructureError(`A guest of the newest packages does not pass ${trial}:\n${all}`);
  } catch (error) {
    if (before !== undefined) await writeFile(lockFile, before);
    throw error;
  }
  return describe(lock);
}

function describe({ sets, passedOver }: PackageLock): string {
  const kernel = sets.reference?.find(({ name }) => name.startsWith('linux-image-'));
  const skipped = passedOver === '' ? '' : `; newer kernels that are not whole: ${passedOver}`;
  return `kernel ${kernel?.version ?? 'unknown'} (${kernel?.name ?? ''}): built, booted, good${skipped}`;
}
