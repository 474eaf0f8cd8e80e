import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { execa } from 'execa';

import { aptOptions } from './apt.js';
import { archiveAddresses, type ArchiveSettings, snapshotAddress } from './archives.js';
import { PackagesGoneError } from './errors.js';
import { type DebianPackage, fileOf } from './package.js';

/** apt's own downloader, which knows the host's proxies; where there is no apt, Node's serves. */
const aptHelper = '/usr/lib/apt/apt-helper';

export interface DownloadOptions {
  readonly packages: readonly DebianPackage[];
  /** When the archive held them all: see PackageLock. */
  readonly taken: string;
  /** Kept between builds; what is there already is not asked for. */
  readonly folder: string;
  readonly settings: ArchiveSettings;
  readonly progress: (line: string) => void;
}

/**
 * Brings each package's file into `folder`: from the archive, else from the archive of old versions. Each is checked against its SHA-256.
 *
 * @throws PackagesGoneError naming those that none of them has, and what each said
 */
export async function downloadPackages(options: DownloadOptions): Promise<void> {
  const { packages, taken, folder, settings, progress } = options;
  let missing = await missingOf(packages, folder);
  if (missing.length === 0) return;
  const addresses = await archiveAddresses(settings);
  const sources = [
    {
      title: new URL(addresses.debian).host || addresses.debian,
      address: (one: DebianPackage) => addresses[one.archive],
    },
    {
      title: settings.snapshot,
      address: (one: DebianPackage) => snapshotAddress(settings, one.archive, taken),
    },
  ];
  const seen: string[] = [];
  // Into a folder of its own and moved from there: a download that was cut off is never taken for a package.
  const incoming = await mkdtemp(path.join(folder, 'incoming-'));
  try {
    for (const { title, address } of sources) {
      const megabytes = missing.reduce((sum, { size }) => sum + size, 0) / 1e6;
      progress(`download ${missing.length} packages, ${megabytes.toFixed(0)} MB, from ${title}`);
      const complaint = await fetchAll(
        missing.map((one) => ({
          ...one,
          from: `${address(one)}/${encodeURI(one.path).replaceAll('+', '%2b')}`,
        })),
        incoming,
      );
      for (const one of missing) {
        const file = path.join(incoming, fileOf(one));
        if ((await sha256(file)) === one.sha256) await rename(file, path.join(folder, fileOf(one)));
        else await rm(file, { force: true });
      }
      missing = await missingOf(missing, folder);
      if (missing.length === 0) return;
      seen.push(`${title}: ${complaint ?? 'what came is not what the lock names (another SHA-256)'}`);
    }
  } finally {
    await rm(incoming, { recursive: true, force: true });
  }
  const names = missing.map(({ name, version }) => `${name} ${version}`);
  const few = names.length > 3 ? [...names.slice(0, 3), `${names.length - 3} more`] : names;
  throw new PackagesGoneError(
    `These packages of the lock are to be had nowhere: ${few.join(', ')}. Asked: ${seen.join('; ')}. ` +
      'Is there a network? E2E_DEBIAN_ARCHIVE and E2E_DEBIAN_SNAPSHOT name other places.',
  );
}

async function missingOf(packages: readonly DebianPackage[], folder: string): Promise<DebianPackage[]> {
  const missing: DebianPackage[] = [];
  for (const one of packages) {
    if ((await sha256(path.join(folder, fileOf(one)))) !== one.sha256) missing.push(one);
  }
  return missing;
}

type Wanted = DebianPackage & { readonly from: string };

/**
 * A server that does not even answer is asked for one file, not for all.
 *
 * @returns what was said of the first that did not come; undefined when all came, whatever they are
 */
async function fetchAll(wanted: readonly Wanted[], folder: string): Promise<string | undefined> {
  const first = await fetchSome(wanted.slice(0, 1), folder);
  if (first !== undefined && !answered.test(first)) return first;
  const rest = wanted.length > 1 ? await fetchSome(wanted.slice(1), folder) : undefined;
  return first ?? rest;
}

/** What apt and fetch say of a file that a server does not have, or has otherwise. */
const answered = /\b[45]\d\d\b|Hash Sum mismatch|unexpected size/;

async function fetchSome(wanted: readonly Wanted[], folder: string): Promise<string | undefined> {
  const args = wanted.flatMap((one) => [one.from, path.join(folder, fileOf(one)), `SHA256:${one.sha256}`]);
  const { failed, stderr, code } = await execa(aptHelper, [...aptOptions, 'download-file', ...args], {
    reject: false,
    stdin: 'ignore',
    stdout: 'ignore',
    env: { LC_ALL: 'C' },
  });
  if (code === 'ENOENT') return await fetchEach(wanted, folder);
  return failed ? (/^E: (.*)$/m.exec(stderr)?.[1] ?? 'apt-helper failed') : undefined;
}

async function fetchEach(wanted: readonly Wanted[], folder: string): Promise<string | undefined> {
  let complaint: string | undefined;
  for (const one of wanted) {
    try {
      const response = await fetch(one.from, { signal: AbortSignal.timeout(600_000) });
      if (!response.ok || !response.body) throw new Error(`${response.status} ${response.statusText}`);
      await pipeline(Readable.fromWeb(response.body), createWriteStream(path.join(folder, fileOf(one))));
    } catch (error) {
      const { message, cause } = error as Error;
      complaint ??= `${one.from}: ${cause instanceof Error ? cause.message : message}`;
    }
  }
  return complaint;
}

async function sha256(file: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return hash.digest('hex');
}
