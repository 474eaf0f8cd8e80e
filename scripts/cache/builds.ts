import { readlink } from 'node:fs/promises';
import path from 'node:path';

import { type Item, item, leftover, leftoverMark, namesIn } from './item.js';

/**
 * Folders of the cache with what was built, each build in a folder, or an archive, that is named after the hash of what went in and
 * whose time of change says when it was asked for last (lib/host/cache-folder: markAsked).
 */
export const buildFolders = [
  'drivers', // initramfs of the reference guest with another driver
  'engine', // programs of a private engine
  'ept', // CDs of the guest under Bochs
  'hybrid', // initramfs for kernels of the user's
  'kernels', // small kernels
  'l2-host', // programs that run an L2
  'programs', // C programs of specs'
  'reference', // guests
  'roots', // where everything is built
  'stand-in', // disk and key of a stand-in checkout's L1
  'tools', // guest tools for a checkout's L1
] as const;

/** Two kernels, or two branches that are worked on by turns, are both asked for; of one that is older than that, nobody has need. */
const togetherMs = 6 * 3_600_000;

const build = /^[0-9a-f]{16}(-[0-9a-f]{16})*$/;

/**
 * A build is stale when nothing asked for it in the hours before something of its kind was asked for last: who works once a month finds
 * all of it there.
 */
export async function surveyBuilds(cache: string, processes: readonly string[]): Promise<Item[]> {
  const items = await Promise.all(
    buildFolders.map(async (kind) => {
      const folder = path.join(cache, kind);
      const names = await namesIn(folder);
      const current = await readlink(path.join(folder, 'current')).catch(() => undefined);
      const builds = await Promise.all(
        names
          .filter((name) => build.test(name))
          .map((name) => item(path.join(folder, name), { kind, stale: undefined, processes })),
      );
      const last = Math.max(...builds.map(({ used }) => used?.getTime() ?? 0));
      const left = names.filter((name) => leftoverMark.test(name));
      return [
        ...builds.map((one): Item => {
          const unasked = last - (one.used?.getTime() ?? 0) > togetherMs;
          const stale = unasked && path.basename(one.path) !== current;
          return { ...one, stale: stale ? 'others of its kind were asked for since' : undefined };
        }),
        ...(await Promise.all(left.map((name) => leftover(path.join(folder, name), kind, processes)))),
      ];
    }),
  );
  return items.flat();
}
