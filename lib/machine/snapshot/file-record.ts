import { open, stat } from 'node:fs/promises';
import path from 'node:path';

import { fileDigest } from './digest.js';

/** A file as it was when it was known to be good. */
export interface FileRecord {
  readonly size: number;
  /** Any write changes both, and who sets the first one back changes the second. */
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly sha256: string;
}

/** Writes the file to the disk, so that no power failure takes a part of it, and answers its record. */
export async function recordOf(file: string): Promise<FileRecord> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { ...(await timesOf(file)), sha256: await fileDigest(file) };
}

/**
 * What is wrong with a file, or its record, which is a new one if only the file's times have changed.
 *
 * `thorough` reads the file even if its times say that nobody wrote to it: a RAM file takes a second, a restored machine never
 * writes to it, and a disk that forgets is not the usual case.
 */
export async function checkFile(
  file: string,
  record: FileRecord,
  thorough: boolean,
): Promise<FileRecord | string> {
  const name = path.basename(file);
  const seen = await timesOf(file).catch(() => undefined);
  if (!seen) return `its file ${name} is missing`;
  if (seen.size !== record.size) return `its file ${name} has ${seen.size} bytes instead of ${record.size}`;
  const untouched = seen.mtimeMs === record.mtimeMs && seen.ctimeMs === record.ctimeMs;
  if (untouched && !thorough) return record;
  const sha256 = await fileDigest(file);
  if (sha256 !== record.sha256) return `the content of its file ${name} was changed`;
  return untouched ? record : { ...seen, sha256 };
}

async function timesOf(file: string): Promise<Omit<FileRecord, 'sha256'>> {
  const { size, mtimeMs, ctimeMs } = await stat(file);
  return { size, mtimeMs, ctimeMs };
}
