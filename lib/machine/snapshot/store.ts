import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

import { cacheSubfolder } from '../../host/cache-folder.js';
import { withLock } from '../../host/lease/index.js';
import { snapshotIdentity, type SnapshotSubject } from './identity.js';
import {
  completeSnapshot,
  filesIn,
  openSnapshot,
  type Snapshot,
  type SnapshotFiles,
  touchSnapshot,
} from './snapshot.js';

/** Told what is being done, and what was found wrong with a snapshot that is thrown away. */
export type SnapshotProgress = (line: string) => void;

/** Takes the snapshot into these files, which do not exist yet. */
export type TakeSnapshot = (files: SnapshotFiles) => Promise<void>;

/** The folder of a cache that holds its snapshots, each in a folder that is named after its identity. */
export function snapshotsFolder(cache: string): Promise<string> {
  return cacheSubfolder(cache, 'snapshots');
}

/**
 * The snapshot of this machine, from the cache or taken now. Whoever needs the same one at the same time waits; a snapshot that
 * is damaged is named, thrown away and taken anew.
 */
export async function ensureSnapshot(
  cache: string,
  subject: SnapshotSubject,
  take: TakeSnapshot,
  progress: SnapshotProgress,
): Promise<Snapshot> {
  const identity = await snapshotIdentity(subject);
  const folder = path.join(await snapshotsFolder(cache), identity);
  const found = await openSnapshot(folder, identity);
  if (isSnapshot(found)) return await used(found);
  return await locked(folder, `takes the snapshot ${identity}`, async () => {
    const again = await openSnapshot(folder, identity);
    if (isSnapshot(again)) return await used(again);
    if (again !== 'absent') {
      progress(`the snapshot in ${folder} is thrown away and taken anew: ${again.wrong}`);
      await rm(folder, { recursive: true, force: true });
    }
    await removeUnfinished(folder);
    const unfinished = await mkdtemp(folder + unfinishedInfix);
    try {
      await take(filesIn(unfinished));
      await completeSnapshot(unfinished, identity, subject);
      await rename(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
    const taken = await openSnapshot(folder, identity);
    if (!isSnapshot(taken)) throw new TypeError('a snapshot that was just taken is none');
    return taken;
  });
}

/** What is wrong with a snapshot's files, each byte of which is read. Undefined when nothing is. */
export async function damageOf({ folder, identity }: Snapshot): Promise<string | undefined> {
  const seen = await openSnapshot(folder, identity, { thorough: true });
  if (isSnapshot(seen)) return undefined;
  return seen === 'absent' ? 'it is gone' : seen.wrong;
}

/** Throws a snapshot away that turned out not to work, unless somebody else did so already and took a new one. */
export async function discardSnapshot({ folder, identity, taken }: Snapshot): Promise<void> {
  await locked(folder, `discards the snapshot ${identity}`, async () => {
    const seen = await openSnapshot(folder, identity);
    if (isSnapshot(seen) && seen.taken !== taken) return;
    await rm(folder, { recursive: true, force: true });
  });
}

/** Runs `work` while nobody takes, discards or prunes the snapshot in this folder. */
export function locked<T>(folder: string, holder: string, work: () => Promise<T>): Promise<T> {
  return withLock(`snapshot:${folder}`, holder, work);
}

/** Follows the identity in the name of a folder in which a snapshot is being taken. */
export const unfinishedInfix = '.unfinished-';

/** Whoever holds the lock knows that those who began these are dead. */
async function removeUnfinished(folder: string): Promise<void> {
  const parent = path.dirname(folder);
  const prefix = path.basename(folder) + unfinishedInfix;
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await rm(path.join(parent, name), { recursive: true, force: true });
  }
}

function isSnapshot(seen: Snapshot | 'absent' | { readonly wrong: string }): seen is Snapshot {
  return typeof seen === 'object' && 'taken' in seen;
}

async function used(snapshot: Snapshot): Promise<Snapshot> {
  await touchSnapshot(snapshot);
  return snapshot;
}
