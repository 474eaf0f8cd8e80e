import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, copyFile, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';

import { execa } from 'execa';

import { cacheSubfolder, markAsked } from '../../host/cache-folder.js';
import { withLock } from '../../host/lease/index.js';
import type { BuildSite } from '../build-site.js';
import { type DebianPackage, parsePrintUris } from '../debian-package.js';
import { downloadPackages } from '../download-packages.js';
import { ImageBuildError } from '../errors.js';
import type { Progress } from '../progress.js';
import { pack } from './archive.js';
import { openContainer } from './container.js';
import type { Engine } from './engine.js';
import { engineRefused } from './errors.js';
import { followEngine } from './messages.js';

/** What makes the packages of a folder a system; runs in the container. */
const installer = 'install-base.sh';

/**
 * Makes a Debian base image of `engine` from package files, for where none can be pulled, and says under which name the engine
 * has it. The packages come from this host's apt; their content hash names the archive that the cache keeps, so that it takes
 * minutes once and seconds afterwards. Needs no root.
 *
 * @param site this host, whose apt knows Debian 12
 * @param recipe the folder with install-base.sh
 * @param names the packages, beside the essential ones and apt
 * @throws ImageBuildError
 */
export async function importDebianBase(options: {
  engine: Engine;
  site: BuildSite;
  cache: string;
  recipe: string;
  names: readonly string[];
  workFolder: string;
  progress: Progress;
}): Promise<string> {
  const { engine, site, cache, recipe, progress } = options;
  const packages = await closure(site, options.names);
  const key = createHash('sha256')
    .update(await readFile(path.join(recipe, installer)))
    .update(packages.map((one) => one.sha256).join())
    .digest('hex')
    .slice(0, 16);
  const tag = `opentdx-e2e/debian:${key}`;
  if (await hasImage(engine, tag)) return tag;

  const archive = path.join(await cacheSubfolder(cache, 'base'), `${key}.tar`);
  await withLock(`base:${archive}`, `makes the Debian base image ${key}`, async () => {
    if (!(await exists(archive))) {
      const downloads = await cacheSubfolder(cache, 'packages');
      await downloadPackages(site, packages, downloads, progress);
      await makeArchive({ ...options, packages, downloads, archive, key });
    }
    await markAsked(archive);
    progress(`import the base image ${tag}`);
    await importImage(engine, createReadStream(archive), tag);
  });
  return tag;
}

export async function hasImage({ docker }: Engine, name: string): Promise<boolean> {
  return await docker
    .getImage(name)
    .inspect()
    .then(
      () => true,
      (error: unknown) => {
        if ((error as { statusCode?: number }).statusCode === 404) return false;
        throw engineRefused(`say whether it has ${name}`, error);
      },
    );
}

/** The named packages, the essential ones and apt, with all that they need: as if nothing were installed on this host. */
async function closure(site: BuildSite, names: readonly string[]): Promise<DebianPackage[]> {
  const bare = ['-o', 'Dir::State::status=/dev/null', '--no-install-recommends', '-y'];
  const wanted = ['?essential', 'apt', 'usr-is-merged', ...names];
  const plan = await site.run('apt-get', [...bare, '--simulate', 'install', ...wanted]);
  const chosen = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].map(([, name = '']) => name);
  if (plan.failed || chosen.length === 0) {
    throw new ImageBuildError(
      'apt found no set of packages for a base image.',
      plan.stderr.split('\n').slice(-10),
    );
  }
  const uris = await site.run('apt-get', ['download', '--print-uris', ...chosen]);
  const packages = parsePrintUris(uris.stdout);
  if (packages.length !== chosen.length) {
    throw new ImageBuildError(
      `apt names files for ${packages.length} of ${chosen.length} packages of a base image.`,
      uris.stderr.split('\n').slice(-10),
    );
  }
  return packages.sort((a, b) => a.file.localeCompare(b.file));
}

/** Unpacks the packages, has them set up in a container, and keeps what that container's file system is then. */
async function makeArchive(options: {
  engine: Engine;
  packages: readonly DebianPackage[];
  downloads: string;
  recipe: string;
  archive: string;
  key: string;
  workFolder: string;
  progress: Progress;
}): Promise<void> {
  const { engine, packages, downloads, recipe, archive, key, progress } = options;
  const work = await mkdtemp(path.join(options.workFolder, 'base-'));
  const raw = `opentdx-e2e/debian:unpacked-${key}`;
  const unfinished = `${archive}.unfinished-${process.pid}`;
  try {
    progress(`unpack ${packages.length} packages for a base image`);
    const root = path.join(work, 'root');
    await unpackDebian(packages, downloads, root);
    await importImage(engine, pack(root, ['.']), raw);
    await using container = await openContainer(engine, raw);
    const debs = path.join(work, 'debs');
    await mkdir(debs);
    for (const { file } of packages) await symlink(path.join(downloads, file), path.join(debs, file));
    await copyFile(path.join(recipe, installer), path.join(debs, installer));
    await container.put(pack(work, ['debs'], { follow: true }), '/');
    progress('set up the packages in a container');
    const { failed, stdout, stderr } = await container.run(['/bin/sh', `/debs/${installer}`], {
      onLine: progress,
    });
    if (failed) {
      const output = `${stdout}\n${stderr}`.trim().split('\n').slice(-25);
      throw engineRefused('set up the packages of a base image', `${installer} failed`, output);
    }
    await pipeline(await container.container.export(), createWriteStream(unfinished, { mode: 0o600 }));
    await rename(unfinished, archive);
  } finally {
    await rm(unfinished, { force: true });
    await rm(work, { recursive: true, force: true });
    await engine.docker
      .getImage(raw)
      .remove({ force: true })
      .catch(() => undefined);
  }
}

/** Lays packages over each other in `root`, as debootstrap begins; nothing of them runs. */
async function unpackDebian(
  packages: readonly DebianPackage[],
  downloads: string,
  root: string,
): Promise<void> {
  // Debian 12's layout, which its packages expect to find: base-files makes it only on systems that have it.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    await mkdir(path.join(root, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, path.join(root, name));
  }
  const database = path.join(root, 'var/lib/dpkg');
  for (const name of ['info', 'updates']) await mkdir(path.join(database, name), { recursive: true });
  await writeFile(path.join(database, 'status'), '');
  const leaveOut = ['doc', 'man', 'locale'].map((name) => `--exclude=./usr/share/${name}/*`);
  for (const { file } of packages) {
    const data = execa('dpkg-deb', ['--fsys-tarfile', path.join(downloads, file)], {
      encoding: 'buffer',
      buffer: { stdout: false },
    });
    await data.pipe('tar', ['-C', root, '-x', '--keep-directory-symlink', '--no-same-owner', ...leaveOut]);
  }
}

async function importImage({ docker }: Engine, archive: Readable, tag: string): Promise<void> {
  const doing = `import ${tag}`;
  // As Docker's own client names it: Podman goes by nothing else.
  const stream = await docker.importImage(archive, { repo: tag }).catch((error: unknown) => {
    throw engineRefused(doing, error);
  });
  await followEngine(stream, doing, () => undefined);
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
