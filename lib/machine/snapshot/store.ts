import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { cacheSubfolder } from '../../host/cache-folder.js';
import { withLock } from '../../host/lease/index.js';
import { fileDigest } from './identity.js';

/** A machine that was booted once to 'ready': its RAM and its devices' state. */
export interface Snapshot {
  readonly identity: string;
  readonly folder: string;
  /** RAM, as large as the guest's; a restored machine maps it copy-on-write. */
  readonly ram: string;
  /** QEMU's migration stream without the RAM. */
  readonly state: string;
}

interface FileRecord {
  readonly size: number;
  readonly mtimeMs: number;
  readonly sha256: string;
}

interface Manifest {
  readonly identity: string;
  readonly ram: FileRecord;
  readonly state: FileRecord;
}

/** Told what is being done, and what was found wrong with a snapshot that is thrown away. */
export type SnapshotProgress = (line: string) => void;

/** Takes the snapshot into these files, which do not exist yet. */
export type TakeSnapshot = (files: { readonly ram: string; readonly state: string }) => Promise<void>;

/**
 * The snapshot with this identity, from the cache or taken now. Whoever needs the same one at the same time waits; a snapshot
 * that is damaged is named, thrown away and taken anew.
 */
export async function ensureSnapshot(
  cache: string,
  identity: string,
  take: TakeSnapshot,
  progress: SnapshotProgress,
): Promise<Snapshot> {
  const parent = await cacheSubfolder(cache, 'snapshots');
  const folder = path.join(parent, identity);
  const found = await openSnapshot(folder, identity);
  if (typeof found === 'object') return found;
  return await withLock(`snapshot:${folder}`, `takes the snapshot ${identity}`, async () => {
    const again = await openSnapshot(folder, identity);
    if (typeof again === 'object') return again;
    if (again !== 'absent') {
      progress(`the snapshot in ${folder} is thrown away and taken anew: ${again}`);
      await rm(folder, { recursive: true, force: true });
    }
    const unfinished = await mkdtemp(`${folder}.unfinished-`);
    try {
      await take(filesIn(unfinished));
      await writeManifest(unfinished, identity);
      await rename(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
    return { identity, folder, ...filesIn(folder) };
  });
}

/** Throws a snapshot away that turned out not to work. */
export async function discardSnapshot({ folder, identity }: Snapshot): Promise<void> {
  await withLock(`snapshot:${folder}`, `discards the snapshot ${identity}`, () =>
    rm(folder, { recursive: true, force: true }),
  );
}

function filesIn(folder: string): { ram: string; state: string } {
  return { ram: path.join(folder, 'ram'), state: path.join(folder, 'state') };
}

/** The snapshot, `absent`, or what is wrong with it. */
async function openSnapshot(folder: string, identity: string): Promise<Snapshot | string> {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8')) as Manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      return `its manifest cannot be read (${String(error)})`;
    return (await stat(folder).catch(() => undefined)) ? 'it has no manifest' : 'absent';
  }
  const files = filesIn(folder);
  if (manifest.identity !== identity) return `it is of another machine (${manifest.identity})`;
  const wrong =
    (await damage(files.state, manifest.state, true)) ?? (await damage(files.ram, manifest.ram, false));
  return wrong ?? { identity, folder, ...files };
}

/**
 * What is wrong with a file. The RAM file's digest takes a second, so that it is computed only when somebody has written to the
 * file since: a restored machine never does.
 */
async function damage(file: string, record: FileRecord, always: boolean): Promise<string | undefined> {
  const name = path.basename(file);
  const seen = await stat(file).catch(() => undefined);
  if (!seen) return `its file ${name} is missing`;
  if (seen.size !== record.size) return `its file ${name} has ${seen.size} bytes instead of ${record.size}`;
  if (!always && seen.mtimeMs === record.mtimeMs) return undefined;
  return (await fileDigest(file)) === record.sha256 ? undefined : `its file ${name} was changed`;
}

async function writeManifest(folder: string, identity: string): Promise<void> {
  const { ram, state } = filesIn(folder);
  const manifest: Manifest = { identity, ram: await recordOf(ram), state: await recordOf(state) };
  await writeFile(path.join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

async function recordOf(file: string): Promise<FileRecord> {
  const { size, mtimeMs } = await stat(file);
  return { size, mtimeMs, sha256: await fileDigest(file) };
}
