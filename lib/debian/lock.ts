import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';

import { PackagesError } from './errors.js';
import type { DebianPackage } from './package.js';

/** The packages that everything is built from: those and no others, so that every machine builds the same. */
export interface PackageLock {
  /** When the archive held them all, for an archive of old versions: `20261128T210000Z`. */
  readonly taken: string;
  /** Newer kernels that the archive did not have as a whole then, in one line; empty if there were none. */
  readonly passedOver: string;
  /** By the name of what is built: that of its list in images/packages. */
  readonly sets: Readonly<Record<string, readonly DebianPackage[]>>;
}

/** @throws PackagesError when the file is not one that {@link writeLock} wrote */
export async function readLock(file: string): Promise<PackageLock> {
  const text = await readFile(file, 'utf8');
  try {
    const lock = JSON.parse(text) as PackageLock;
    if (!/^\d{8}T\d{6}Z$/.test(lock.taken)) throw new TypeError(`'taken' is ${JSON.stringify(lock.taken)}`);
    for (const one of Object.values(lock.sets).flat()) checkEntry(one);
    return lock;
  } catch (error) {
    throw new PackagesError(
      `${file} is damaged: ${(error as Error).message}. 'git checkout' brings it back; 'npm run image -- update' makes it anew.`,
      { cause: error },
    );
  }
}

function checkEntry(one: DebianPackage): void {
  const { name, archive, path, size, sha256 } = one;
  const right =
    ['debian', 'debian-security'].includes(archive) &&
    /^pool\/[\w./+~%-]+\.deb$/.test(path) &&
    !path.includes('..') &&
    Number.isSafeInteger(size) &&
    /^[0-9a-f]{64}$/.test(sha256);
  if (!right) throw new TypeError(`the entry of ${name} is not archive, path, size and SHA-256 of a package`);
}

/** A line for each package: a change of one is a line of the difference. */
export async function writeLock(file: string, { taken, passedOver, sets }: PackageLock): Promise<void> {
  const texts = Object.entries(sets).map(([name, packages]) => {
    const lines = packages.map((one) => `      ${JSON.stringify(one)}`);
    return `    ${JSON.stringify(name)}: [\n${lines.join(',\n')}\n    ]`;
  });
  const head = `  "taken": ${JSON.stringify(taken)},\n  "passedOver": ${JSON.stringify(passedOver)},`;
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, `{\n${head}\n  "sets": {\n${texts.join(',\n')}\n  }\n}\n`);
  await rename(temporary, file);
}

/** The packages of a set; a name that no lock has is a slip of the code's. */
export function packagesOf(lock: PackageLock, set: string): readonly DebianPackage[] {
  const packages = lock.sets[set];
  if (packages === undefined) throw new TypeError(`The lock has no set of packages '${set}'.`);
  return packages;
}

/** What tells locks apart: the packages' hashes. */
export function lockKey({ sets }: PackageLock): string {
  const hashes = Object.values(sets).flatMap((packages) => packages.map(({ sha256 }) => sha256));
  return createHash('sha256').update(hashes.join('\n')).digest('hex').slice(0, 16);
}
