import { randomUUID } from 'node:crypto';
import { open, readFile, rename, stat, utimes } from 'node:fs/promises';
import path from 'node:path';

import { checkFile, type FileRecord, recordOf } from './file-record.js';
import type { SnapshotSubject } from './identity.js';

/** The two files of a snapshot. */
export interface SnapshotFiles {
  /** RAM, as large as the guest's; a restored machine maps it copy-on-write. */
  readonly ram: string;
  /** QEMU's migration stream without the RAM. */
  readonly state: string;
}

/** A machine that was booted once to 'ready': its RAM and its devices' state. */
export interface Snapshot extends SnapshotFiles {
  readonly identity: string;
  readonly folder: string;
  /** Tells this snapshot from the one that was taken in its place. */
  readonly taken: string;
  readonly subject: SnapshotSubject;
}

interface Manifest {
  readonly identity: string;
  readonly taken: string;
  readonly subject: SnapshotSubject;
  readonly ram: FileRecord;
  readonly state: FileRecord;
}

export function filesIn(folder: string): SnapshotFiles {
  return { ram: path.join(folder, 'ram'), state: path.join(folder, 'state') };
}

function manifestFile(folder: string): string {
  return path.join(folder, 'manifest.json');
}

/** Completes a folder that holds a snapshot's files. The manifest comes last: without it the folder is no snapshot. */
export async function completeSnapshot(
  folder: string,
  identity: string,
  subject: SnapshotSubject,
): Promise<void> {
  const { ram, state } = filesIn(folder);
  const taken = randomUUID();
  await writeManifest(folder, {
    ...{ identity, taken, subject },
    ...{ ram: await recordOf(ram), state: await recordOf(state) },
  });
}

/**
 * The snapshot in a folder, `absent`, or what is wrong with it. Its RAM is read only if its file's times have changed, or if the
 * check is to be `thorough`.
 */
export async function openSnapshot(
  folder: string,
  identity: string,
  { thorough = false }: { thorough?: boolean } = {},
): Promise<Snapshot | 'absent' | { readonly wrong: string }> {
  const manifest = await readManifest(folder);
  if (manifest === undefined) {
    return (await stat(folder).catch(() => undefined)) ? { wrong: 'it has no manifest' } : 'absent';
  }
  if (typeof manifest === 'string') return { wrong: manifest };
  if (manifest.identity !== identity) return { wrong: `it is of another machine (${manifest.identity})` };
  const files = filesIn(folder);
  // 0.3 MB take a millisecond.
  const state = await checkFile(files.state, manifest.state, true);
  if (typeof state === 'string') return { wrong: state };
  const ram = await checkFile(files.ram, manifest.ram, thorough);
  if (typeof ram === 'string') return { wrong: ram };
  if (ram !== manifest.ram || state !== manifest.state)
    await writeManifest(folder, { ...manifest, ram, state });
  const { taken, subject } = manifest;
  return { identity, folder, taken, subject, ...files };
}

/** Notes that the snapshot is used, for those who look for old ones. */
export async function touchSnapshot({ folder }: Snapshot): Promise<void> {
  const now = new Date();
  // Somebody else may be throwing it away at this moment: whoever uses it will see that.
  await utimes(manifestFile(folder), now, now).catch(() => undefined);
}

/** When the snapshot was used last. */
export async function lastUse(folder: string): Promise<Date | undefined> {
  return (await stat(manifestFile(folder)).catch(() => undefined))?.mtime;
}

/** What a manifest says, what is wrong with it, or undefined if there is none. */
async function readManifest(folder: string): Promise<Manifest | string | undefined> {
  try {
    const manifest = JSON.parse(await readFile(manifestFile(folder), 'utf8')) as Partial<Manifest> | null;
    const { identity, taken, subject, ram, state } = manifest ?? {};
    if (!identity || !taken || !subject || !ram || !state) return 'its manifest is of another format';
    return { identity, taken, subject, ram, state };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return `its manifest cannot be read (${error instanceof Error ? error.message : String(error)})`;
  }
}

async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const file = manifestFile(folder);
  const draft = `${file}.${randomUUID()}`;
  const handle = await open(draft, 'w');
  try {
    await handle.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}
