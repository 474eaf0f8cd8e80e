/**
 * npm run cache -- list     guest images, snapshots and packages that are kept, with size and age
 * npm run cache -- prune    removes those that nothing asks for any more; never one that is in use
 */
import { readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { cacheFolder } from '../lib/host/cache-folder.js';
import { removeSnapshot, surveySnapshots } from '../lib/machine/snapshot/survey.js';
import { readCommandLine, refuse } from './command-line.js';

interface Item {
  readonly kind: 'image' | 'snapshot' | 'package';
  readonly path: string;
  readonly bytes: number;
  readonly used: Date | undefined;
  /** Why nothing asks for it any more. */
  readonly stale: string | undefined;
  readonly inUse: boolean;
}

const cache = cacheFolder(process.env);
const usage = 'usage: npm run cache -- list|prune';
const { positionals } = readCommandLine(usage, { allowPositionals: true });
const [command = '', ...more] = positionals;
if (more.length > 0) refuse(usage, `One command, and not also: ${more.join(' ')}`);
if (command === 'list') for (const item of await survey()) console.log(describe(item));
else if (command === 'prune') await prune();
else refuse(usage, `No such command: '${command}'`);

async function prune(): Promise<void> {
  let freed = 0;
  // Snapshots are of images: those of an image that is removed now are stale afterwards.
  for (const kind of ['image', 'snapshot', 'package'] as const) {
    for (const item of (await survey()).filter((one) => one.kind === kind && one.stale !== undefined)) {
      if (!item.inUse && (await remove(item))) {
        freed += item.bytes;
        console.log(`removed ${describe(item)}`);
      } else console.log(`kept, in use: ${describe(item)}`);
    }
  }
  console.log(`${megabytes(freed)} MB freed in ${cache}`);
}

async function remove({ kind, path: folder }: Item): Promise<boolean> {
  if (kind === 'snapshot') return await removeSnapshot(folder);
  await rm(folder, { recursive: true, force: true });
  return true;
}

async function survey(): Promise<Item[]> {
  const snapshots = await surveySnapshots(cache);
  const images = path.join(cache, 'reference');
  const current = await readlink(path.join(images, 'current')).catch(() => undefined);
  const commands = await commandLines();
  const ofImages = (await namesIn(images)).filter((name) => /^[0-9a-f]{16}$/.test(name));
  const packages = path.join(cache, 'packages');
  const wanted = await wantedPackages(path.join(images, current ?? ''));
  return [
    ...(await Promise.all(
      ofImages.map(async (name): Promise<Item> => {
        const folder = path.join(images, name);
        return {
          ...{ kind: 'image', path: folder, ...(await size(folder)) },
          stale: name === current ? undefined : 'it is not the one that was built last',
          inUse: commands.some((line) => line.includes(`${folder}/`)),
        };
      }),
    )),
    ...(await Promise.all(
      snapshots.map(async ({ folder, lastUse, stale, inUse }): Promise<Item> => {
        const { bytes, used } = await size(folder);
        return { kind: 'snapshot', path: folder, bytes, used: lastUse ?? used, stale, inUse };
      }),
    )),
    ...(await Promise.all(
      (await namesIn(packages)).map(async (name): Promise<Item> => {
        const file = path.join(packages, name);
        const stale = wanted && !wanted.has(name) ? 'the current image is built without it' : undefined;
        return { kind: 'package', path: file, ...(await size(file)), stale, inUse: false };
      }),
    )),
  ];
}

/** The packages of the image that was built last; undefined if that cannot be told, and then none counts as unwanted. */
async function wantedPackages(image: string): Promise<Set<string> | undefined> {
  const text = await readFile(path.join(image, 'manifest.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { packages } = JSON.parse(text) as { packages: readonly { file: string }[] };
  return new Set(packages.map(({ file }) => file));
}

/** What a file or folder takes on the disk, holes left out, and when it was made. */
async function size(file: string): Promise<{ bytes: number; used: Date | undefined }> {
  const seen = await stat(file).catch(() => undefined);
  if (!seen?.isDirectory()) return { bytes: 512 * (seen?.blocks ?? 0), used: seen?.mtime };
  const parts = await Promise.all((await namesIn(file)).map((name) => size(path.join(file, name))));
  return { bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0), used: seen.mtime };
}

function describe({ kind, path: file, bytes, used, stale, inUse }: Item): string {
  const hours = used ? `${((Date.now() - used.getTime()) / 3_600_000).toFixed(1)} h` : 'unknown age';
  const state = stale === undefined ? '' : `  (${stale})`;
  return `${kind.padEnd(9)}${megabytes(bytes).padStart(7)} MB ${hours.padStart(10)}  ${file}${inUse ? '  in use' : ''}${state}`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

async function commandLines(): Promise<string[]> {
  const pids = (await namesIn('/proc')).filter((name) => /^\d+$/.test(name));
  return await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
}
