import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { processNames } from '../../lib/host/processes.js';
import { isLiving } from '../../lib/machine/ownership/index.js';
import { removeSnapshot, surveySnapshots } from '../../lib/machine/snapshot/survey.js';
import { buildFolders, surveyBuilds } from './builds.js';
import { type Item, item, namesIn, size } from './item.js';
import { surveyPackages } from './packages.js';

/**
 * All that is in the cache, in the order in which it is to be pruned: snapshots are of builds, and packages are for builds, so that those
 * of one that is removed are stale afterwards. What no code of this project makes is listed as unknown, and never stale.
 */
export const surveys: readonly ((cache: string) => Promise<Item[]>)[] = [
  async (cache) => await surveyBuilds(cache, await processNames()),
  surveyProofs,
  surveyCheckouts,
  surveyCompiled,
  snapshotItems,
  async (cache) => await surveyPackages(cache, await processNames()),
  surveyUnknown,
];

const known = new Set<string>([
  ...buildFolders,
  ...['accelerator', 'apt', 'checkouts', 'compiled', 'packages', 'snapshots'],
]);

/** Files that say that KVM has run guest code on this host. Their name begins with the host's boot: after another nobody finds them. */
async function surveyProofs(cache: string): Promise<Item[]> {
  const folder = path.join(cache, 'accelerator', 'accelerator');
  const bootTime = /^btime (\d+)$/m.exec(await readFile('/proc/stat', 'utf8'))?.[1];
  const booted = new Date(Number(bootTime) * 1000);
  const processes = await processNames();
  return await Promise.all(
    (await namesIn(folder)).map(async (name) => {
      const file = path.join(folder, name);
      const { used } = await size(file);
      const stale = used && used < booted ? 'the host was booted since' : undefined;
      return await item(file, { kind: 'accelerator', stale, processes });
    }),
  );
}

/** Folders that stand for an open-tdx checkout, with a copy of its disk, while a run launches it. */
async function surveyCheckouts(cache: string): Promise<Item[]> {
  const kind = 'checkouts';
  const folder = path.join(cache, kind);
  return await Promise.all(
    (await namesIn(folder)).map(async (name) => {
      const file = path.join(folder, name);
      const living = await isLiving(name);
      const seen = await item(file, {
        kind,
        stale: living ? undefined : 'the run that made it is over',
        processes: await processNames(),
      });
      return { ...seen, inUse: living || seen.inUse };
    }),
  );
}

/** What Playwright has compiled for runs that `npm run kill-stress` and specs start: of versions of the sources that are told apart by nobody. */
async function surveyCompiled(cache: string): Promise<Item[]> {
  if (!(await namesIn(cache)).includes('compiled')) return [];
  const stale = 'it is compiled again when it is missing';
  const folder = path.join(cache, 'compiled');
  return [await item(folder, { kind: 'compiled', stale, processes: await processNames() })];
}

async function snapshotItems(cache: string): Promise<Item[]> {
  if (!(await namesIn(cache)).includes('snapshots')) return [];
  return await Promise.all(
    (await surveySnapshots(cache)).map(async ({ folder, lastUse, stale, inUse }) => {
      const { bytes, used } = await size(folder);
      return {
        ...{ kind: 'snapshots', path: folder, bytes, used: lastUse ?? used, stale, inUse },
        remove: () => removeSnapshot(folder),
      };
    }),
  );
}

async function surveyUnknown(cache: string): Promise<Item[]> {
  const names = (await namesIn(cache)).filter((name) => !known.has(name));
  const processes = await processNames();
  return await Promise.all(
    names.map((name) => item(path.join(cache, name), { kind: 'unknown', stale: undefined, processes })),
  );
}
