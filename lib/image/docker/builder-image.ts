import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import path from 'node:path';

import { withLock } from '../../host/lease/index.js';
import { packagesObstacle } from '../native/obstacle.js';
import { aptLists, hostState, nativeSite } from '../native/site.js';
import { readPackageList } from '../package-list.js';
import type { Progress } from '../progress.js';
import type { Workshop } from '../recipe.js';
import { pack } from './archive.js';
import { hasImage, importDebianBase } from './debian-base.js';
import type { Engine } from './engine.js';
import { BaseImageError, engineRefused } from './errors.js';
import { followEngine } from './messages.js';

/** The folder with the Dockerfile of the image of the build tools, and what it copies. */
const context = path.resolve(import.meta.dirname, '../../../images');
const builderFolder = path.join(context, 'guest-builder');

export interface BuilderImageOptions {
  readonly engine: Engine;
  /** A Debian 12, where one can be pulled or is there: `debian:bookworm-slim`, or `REGISTRY/NAME:TAG`. */
  readonly base: string;
  /** The project's cache folder, for what a base image is made of. */
  readonly cache: string;
  readonly workshop: Workshop;
  readonly progress: Progress;
}

/**
 * The name of the image in which the recipe runs; built of images/Dockerfile if `engine` doesn't have it. Its base is pulled, or
 * made of Debian's packages by this host where it cannot be pulled.
 *
 * @throws BaseImageError when there is no base to be had; ImageBuildError when the engine refuses something else
 */
export async function ensureBuilderImage(options: BuilderImageOptions): Promise<string> {
  const { engine, base: wanted } = options;
  const pulled = await nameOf(`pulled\n${wanted}`);
  if (await hasImage(engine, pulled)) return pulled;
  // Whether pulling has become possible is not asked again while there is an image that was imported for want of it.
  const imported = await nameOf(`imported\n${await hostState()}`);
  if (await hasImage(engine, imported)) return imported;

  return await withLock(`builder:${engine.host}`, 'builds the image of the build tools', async () => {
    for (const name of [pulled, imported]) if (await hasImage(engine, name)) return name;
    const refusal = await pullBase(options);
    if (refusal === undefined) {
      await buildImage(options, { name: pulled, base: wanted, withPackageLists: false });
      return pulled;
    }
    const [why = ''] = refusal.message.split('\n');
    options.progress(`${why.replace(/\.?$/, '.')} Its base is made of Debian's packages instead.`);
    const base = await importBase(options, refusal);
    await buildImage(options, { name: imported, base, withPackageLists: true });
    return imported;
  });
}

/** The image's name holds the hash of all that it is built of but the base and its package lists; `origin` stands for those. */
async function nameOf(origin: string): Promise<string> {
  const hash = createHash('sha256').update(origin);
  const files = [path.join(context, 'Dockerfile')];
  for (const name of (await readdir(builderFolder)).sort()) files.push(path.join(builderFolder, name));
  for (const file of files) hash.update(await readFile(file));
  return `opentdx-e2e/guest-builder:${hash.digest('hex').slice(0, 16)}`;
}

/** Undefined when the base is there now; otherwise why not. */
async function pullBase({ engine, base, progress }: BuilderImageOptions): Promise<Error | undefined> {
  if (await hasImage(engine, base)) return undefined;
  const doing = `pull ${base}`;
  try {
    progress(doing);
    await followEngine(await engine.docker.pull(base), doing, progress);
    return undefined;
  } catch (error) {
    return engineRefused(doing, error);
  }
}

async function importBase(
  { engine, base, cache, workshop, progress }: BuilderImageOptions,
  refusal: Error,
): Promise<string> {
  const obstacle = await packagesObstacle();
  if (obstacle !== undefined) {
    throw new BaseImageError(
      `There is no base image ${base}. ${refusal.message} Nor can it be made here of Debian's packages: ${obstacle}. ` +
        "Make it where debootstrap is: 'debootstrap --variant=minbase bookworm ROOT', " +
        `'tar -C ROOT -c . | docker import - ${base}'; or 'docker load' one, or name another with E2E_IMAGE_BASE.`,
      [],
      { cause: refusal },
    );
  }
  await using site = await nativeSite(workshop);
  const requests = await readPackageList(path.join(builderFolder, 'packages.list'));
  const names = requests.flatMap((request) => ('name' in request ? [request.name] : []));
  return await importDebianBase({
    ...{ engine, site, cache, progress, names, recipe: builderFolder },
    workFolder: workshop.folder,
  });
}

async function buildImage(
  { engine, workshop, progress }: BuilderImageOptions,
  { name, base, withPackageLists }: { name: string; base: string; withPackageLists: boolean },
): Promise<void> {
  const doing = `build ${name}`;
  progress(doing);
  const folder = await mkdtemp(path.join(workshop.folder, 'context-'));
  try {
    await cp(path.join(context, 'Dockerfile'), path.join(folder, 'Dockerfile'));
    await cp(builderFolder, path.join(folder, 'guest-builder'), { recursive: true });
    if (withPackageLists) await copyPackageLists(path.join(folder, 'guest-builder/apt'));
    // The network of the host: see openContainer.
    const how = { t: name, buildargs: { BASE: base }, networkmode: 'host', rm: true, forcerm: true };
    const stream = await engine.docker.buildImage(pack(folder, ['.']), how).catch((error: unknown) => {
      throw engineRefused(doing, error);
    });
    await followEngine(stream, doing, progress);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Where this host's apt gets packages from and what it knows of them; none of its other settings, nor its passwords. */
async function copyPackageLists(root: string): Promise<void> {
  for (const name of ['sources.list', 'sources.list.d', 'preferences', 'preferences.d']) {
    await copyIfThere(path.join('/etc/apt', name), path.join(root, 'etc/apt', name));
  }
  const lists = path.join(root, aptLists);
  await mkdir(lists, { recursive: true });
  for (const name of await readdir(aptLists)) {
    if (/_(InRelease|Release|Packages)(\.\w+)?$/.test(name)) {
      await cp(path.join(aptLists, name), path.join(lists, name), { preserveTimestamps: true });
    }
  }
}

async function copyIfThere(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  });
}
