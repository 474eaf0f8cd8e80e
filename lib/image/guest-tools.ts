import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';

import { cacheSubfolder, markAsked } from '../host/cache-folder.js';
import { withLock } from '../host/lease/index.js';
import { ImageBuildError } from './errors.js';
import { imageKey } from './image-key.js';
import { referenceRecipe } from './reference-image.js';

const sources = path.join(referenceRecipe, 'tools');

/**
 * The project's tools for a guest that the project did not build: static binaries for any x86-64 Linux, from the cache or built now
 * (a few seconds).
 *
 * @returns their files
 * @throws ImageBuildError with the compiler's message
 */
export async function ensureGuestTools(
  cache: string,
  environment: Readonly<Record<string, string>>,
): Promise<string[]> {
  const folder = await cacheSubfolder(cache, 'tools');
  const target = path.join(folder, await imageKey(sources, [], 'guest tools'));
  await markAsked(target);
  if (!(await isThere(target))) {
    await withLock(`tools:${target}`, `process ${process.pid}: builds the guest tools`, async () => {
      if (!(await isThere(target))) await build(folder, target, environment);
    });
  }
  return ['vfio-map', 'kmsg-follow'].map((name) => path.join(target, name));
}

async function build(
  folder: string,
  target: string,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const out = await mkdtemp(path.join(folder, 'new-'));
  try {
    const { failed, all } = await execa('make', ['-s', '-C', sources, `OUT=${out}`], {
      all: true,
      reject: false,
      env: environment,
      stdin: 'ignore',
    });
    if (failed) {
      throw new ImageBuildError(
        `The guest's tools could not be built: ${all.slice(-2_000)}\nInstall gcc, make and libc6-dev.`,
      );
    }
    await rm(path.join(out, 'obj'), { recursive: true, force: true });
    await rename(out, target);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

async function isThere(folder: string): Promise<boolean> {
  return (
    (await stat(folder).catch(() => undefined)) !== undefined && (await readdir(folder)).includes('vfio-map')
  );
}
