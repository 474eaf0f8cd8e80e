import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';

import { readEnvironment } from '../../fixtures/environment.js';
import { expect, test } from '../../fixtures/index.js';
import { referenceImage } from '../../fixtures/stacks/reference-image.js';
import { cacheSubfolder } from '../../lib/host/cache-folder.js';
import { symlink } from 'node:fs/promises';

const { cache } = readEnvironment(process.env);
/** Unpacking the build root takes 10 s on a quiet host. */
const budgetMs = 10 * 60_000;

function image(env: NodeJS.ProcessEnv) {
  return execa(process.execPath, ['--import', 'tsx', 'scripts/image.ts'], {
    reject: false,
    env: { DOCKER_HOST: 'unix:///nonexistent.sock', DOCKER_CONTEXT: '', ...env },
  });
}

/** A cache in which nothing is built but the root, with the downloads of the real one. */
async function freshCache(folder: string): Promise<string> {
  await mkdir(folder);
  for (const name of ['packages', 'roots'])
    await symlink(await cacheSubfolder(cache, name), path.join(folder, name));
  return folder;
}

test('a guest that is there is found without network, package lists and apt', async () => {
  test.setTimeout(budgetMs);
  const { folder } = await referenceImage(readEnvironment(process.env), () => undefined);
  const closed = 'http://127.0.0.1:9';
  const { stdout, stderr } = await image({
    PATH: path.dirname(process.execPath),
    E2E_DEBIAN_ARCHIVE: closed,
    E2E_DEBIAN_SNAPSHOT: closed,
  });
  expect({ stdout, stderr }).toEqual({ stdout: folder, stderr: '' });
});

test('where namespaces are refused an engine is looked for, and the refusal and its remedy are told', async ({}, testInfo) => {
  test.setTimeout(budgetMs);
  await referenceImage(readEnvironment(process.env), () => undefined);
  const bin = testInfo.outputPath('bin');
  await mkdir(bin);
  // As on Ubuntu 24.04, whose AppArmor lets a user make a namespace and do nothing in it.
  const words = 'unshare: write failed /proc/self/uid_map: Operation not permitted';
  await writeFile(path.join(bin, 'unshare'), `#!/bin/sh\necho '${words}' >&2\nexit 1\n`);
  await chmod(path.join(bin, 'unshare'), 0o755);
  const PATH = `${bin}:${process.env.PATH ?? ''}`;
  const E2E_CACHE_DIR = await freshCache(testInfo.outputPath('cache'));
  const auto = await image({ PATH, E2E_CACHE_DIR });
  expect(auto).toMatchObject({
    exitCode: 125,
    stderr: expect.stringMatching(
      /^A container is needed to build in, as this host lets this user have no namespace .*\(unshare: write failed .*\)\. No Docker engine answers/m,
    ),
  });
  const native = await image({ PATH, E2E_CACHE_DIR, E2E_IMAGE_BUILDER: 'native' });
  expect(native).toMatchObject({
    exitCode: 125,
    stderr: expect.stringMatching(
      /^Nothing can be built on this host itself: .*apparmor_restrict_unprivileged_userns=0/m,
    ),
  });
});

test('a guest is built in its root without a compiler on the host, twice the same', async ({}, testInfo) => {
  test.setTimeout(budgetMs);
  const bin = testInfo.outputPath('bin');
  await mkdir(bin);
  for (const name of ['tar', 'xz', 'unshare', 'mount', 'umount', 'mkdir', 'chroot', 'sh']) {
    const { stdout } = await execa('which', [name]);
    await symlink(stdout, path.join(bin, name));
  }
  const E2E_CACHE_DIR = await freshCache(testInfo.outputPath('a cache ü'));
  const built = await image({ E2E_CACHE_DIR, E2E_IMAGE_BUILDER: 'native', PATH: bin });
  expect(built, built.stderr).toMatchObject({ exitCode: 0 });
  const ours = await referenceImage(readEnvironment({ ...process.env, E2E_CACHE_DIR }), () => undefined);
  const theirs = await referenceImage(readEnvironment(process.env), () => undefined);
  expect(ours.folder).not.toBe(theirs.folder);
  expect([ours.key, ours.initramfs]).toEqual([theirs.key, theirs.initramfs]);
});
