import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';

import { acquireLease } from '../../host/lease/index.js';
import { isNamed, processNames } from '../../host/processes.js';
import { snapshotFormat, snapshotIdentity } from './identity.js';
import { lastUse, openSnapshot } from './snapshot.js';
import { locked, snapshotsFolder, unfinishedInfix } from './store.js';

export interface SurveyedSnapshot {
  readonly folder: string;
  readonly lastUse: Date | undefined;
  /** Why no machine will be restored from it any more; undefined while one may be. */
  readonly stale: string | undefined;
  /** A machine runs on it, or it is being taken: it is not to be removed. */
  readonly inUse: boolean;
}

/** All snapshots of a cache, and what is left of those that were never finished. */
export async function surveySnapshots(cache: string): Promise<SurveyedSnapshot[]> {
  const parent = await snapshotsFolder(cache);
  const processes = await processNames();
  return await Promise.all(
    (await readdir(parent)).sort().map(async (name) => {
      const folder = path.join(parent, name);
      const target = folder.split(unfinishedInfix)[0] ?? folder;
      return {
        folder,
        lastUse: await lastUse(folder),
        stale: name.includes(unfinishedInfix) ? 'it was never finished' : await staleness(folder),
        inUse: (await isLocked(target)) || isNamed(processes, folder),
      };
    }),
  );
}

/** Removes a snapshot while nobody takes it. Answers false, and removes nothing, if a machine runs on it by now. */
export async function removeSnapshot(folder: string): Promise<boolean> {
  const target = folder.split(unfinishedInfix)[0] ?? folder;
  return await locked(target, `prunes ${path.basename(folder)}`, async () => {
    if (isNamed(await processNames(), folder)) return false;
    await rm(folder, { recursive: true, force: true });
    return true;
  });
}

/** The snapshot says what it is one of: if that has another identity by now, nobody asks for this one again. */
async function staleness(folder: string): Promise<string | undefined> {
  const identity = path.basename(folder);
  const seen = await openSnapshot(folder, identity);
  if (seen === 'absent') return 'it is gone';
  if ('wrong' in seen) return seen.wrong;
  if (seen.subject.format !== snapshotFormat) return 'another version of the project took it';
  try {
    if ((await snapshotIdentity(seen.subject)) === identity) return undefined;
    return 'its launch script, QEMU or guest image has changed';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return 'its launch script, QEMU or guest image is gone';
    throw error;
  }
}

async function isLocked(folder: string): Promise<boolean> {
  await using lease = await acquireLease(`snapshot:${folder}`);
  return lease === undefined;
}
