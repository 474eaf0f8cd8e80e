import { mkdir, readdir, stat, symlink } from 'node:fs/promises';
import path from 'node:path';

import { execa, execaCommand } from 'execa';

import type { BuildSite } from '../build-site.js';
import { ImageBuildError } from '../errors.js';
import { runRecipe, type Workshop } from '../recipe.js';
import { referenceRecipe } from '../reference-image.js';
import { findCommand, thisHost } from './tools.js';

export const aptLists = '/var/lib/apt/lists';

/** What apt's answers depend on. When none of it changed, neither did the answers, and asking again costs a second. */
const aptState = [
  aptLists,
  '/etc/apt/sources.list',
  '/etc/apt/sources.list.d',
  '/etc/apt/preferences',
  '/etc/apt/preferences.d',
  '/var/lib/dpkg/status',
];

/**
 * This host as the build site. Needs no root, unless apt's package lists are not there yet.
 *
 * @throws ImageBuildError when there are no package lists and none could be got
 */
export async function nativeSite(workshop: Workshop): Promise<BuildSite> {
  await ensureLists();
  return {
    name: 'native',
    ...thisHost,
    state: await hostState(),
    async fetch(packages, folder, progress) {
      const sandbox = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
      const names = packages.map((wanted) => `${wanted.name}=${wanted.version}`);
      const download = execa('apt-get', [...sandbox, '-q', 'download', ...names], {
        cwd: folder,
        all: true,
        reject: false,
        env: { LC_ALL: 'C' },
      });
      for await (const line of download.iterable({ from: 'all' })) progress(line);
      const result = await download;
      if (result.failed) {
        throw new ImageBuildError(
          `apt-get could not download the reference guest's packages. If its package lists are old, 'apt-get update' as root helps.`,
          result.all.split('\n').slice(-10),
        );
      }
    },
    async build({ packages, downloads, out, progress }) {
      // The recipe sees this build's packages only, not older ones that the downloads folder also keeps.
      const debs = path.join(workshop.folder, 'packages');
      await mkdir(debs);
      for (const one of packages) await symlink(path.join(downloads, one.file), path.join(debs, one.file));
      const script = path.join(referenceRecipe, 'build.sh');
      await runRecipe('The reference guest', script, [debs, out], { progress, workshop });
    },
    // What it started has ended, and its folder is the workshop's.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The state of this host's apt and compiler: see BuildSite.state. */
export async function hostState(): Promise<string> {
  const compiler = await findCommand('gcc');
  const times = await Promise.all(
    [...aptState, ...(compiler === undefined ? [] : [compiler])].map(async (file) =>
      stat(file).then(
        (entry) => `${file}=${entry.mtimeMs}`,
        () => `${file}=absent`,
      ),
    ),
  );
  return times.join('\n');
}

/** A machine that never ran `apt-get update` knows no package at all. */
async function ensureLists(): Promise<void> {
  const lists = await readdir(aptLists).catch(() => []);
  if (lists.some((name) => name.includes('_Packages'))) return;
  const update = [...(process.getuid?.() === 0 ? [] : ['sudo', '-n']), 'apt-get', '-q', 'update'].join(' ');
  const result = await execaCommand(update, { reject: false, all: true, stdin: 'ignore' });
  if (result.failed) {
    throw new ImageBuildError(
      `This host has no package lists in ${aptLists}, and '${update}' failed. Run 'apt-get update' as root.`,
      result.all.split('\n').slice(-5),
    );
  }
}
