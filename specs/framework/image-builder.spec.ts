import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdir, readFile, readdir, readlink, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from '@playwright/test';

import { readEnvironment } from '../../fixtures/environment.js';
import { referenceImage } from '../../fixtures/stacks/reference-image.js';
import { cacheSubfolder } from '../../lib/host/cache-folder.js';
import { type PrivateEngine, startPrivateEngine } from '../../scripts/private-engine/engine.js';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
const { cache } = readEnvironment(process.env);

/** A base image is made of packages once; a computer that does other things beside it takes minutes. */
const budgetMs = 30 * 60_000;
const quiet = (): void => undefined;

test.skip(process.getuid?.() !== 0, 'an engine of its own needs root, as it mounts file systems');

test('a guest built in a container is the native one, and passes a VFIO spec', async ({}, testInfo) => {
  test.setTimeout(budgetMs);
  // Both are built here and now: what a cache holds may have been built in either way.
  const nativeCache = await freshCache(testInfo.outputPath('native'));
  const nativeOnly = { ...process.env, E2E_CACHE_DIR: nativeCache, E2E_IMAGE_BUILDER: 'native' };
  const native = await referenceImage(readEnvironment(nativeOnly), quiet);
  const fresh = await freshCache(testInfo.outputPath('cache'));
  await using engine = await startPrivateEngine(cache, quiet);
  const env = { ...process.env, ...insideOf(engine), E2E_CACHE_DIR: fresh, E2E_IMAGE_BUILDER: 'docker' };
  const output = await runSpec('specs/vfio/clear-page-user.spec.ts', env, testInfo.outputPath());
  // The recipe's own words, streamed through engine and runner.
  expect(output).toMatch(/by a container of Docker [\d.]+[\s\S]*image: build the patched VFIO module/);
  expect(output).toMatch(/1 passed/);

  const docker = await referenceImage(readEnvironment(env), (line) => {
    throw new Error(`The guest is there, yet it is built again: ${line}`);
  });
  expect(docker.folder).not.toBe(native.folder);
  expect(docker.key).toBe(native.key);
  for (const name of ['vmlinux', 'bzImage', 'config', 'kernel-release']) {
    expect(await digest(path.join(docker.folder, name)), name).toBe(
      await digest(path.join(native.folder, name)),
    );
  }
  const [ours, theirs] = await Promise.all(
    [docker, native].map(({ initrd }, index) => contents(initrd, testInfo.outputPath(`root-${index}`))),
  );
  expect(ours).toEqual(theirs);
  expect(Object.keys(ours ?? {}).length).toBeGreaterThan(300);
  // RAM files and kernels: nothing of it explains a failure.
  for (const folder of [fresh, nativeCache]) await rm(folder, { recursive: true, force: true });
});

test('a full disk, and a base that can neither be pulled nor made, are told as such', async ({}, testInfo) => {
  test.setTimeout(budgetMs);
  await using engine = await startPrivateEngine(cache, quiet, { size: '64m' });
  const fresh = await freshCache(testInfo.outputPath('cache'));
  const bin = testInfo.outputPath('bin');
  await mkdir(bin);
  for (const [PATH, complaint] of [
    [
      process.env.PATH,
      /EngineSpaceError: The engine's disk is full: it could not import[\s\S]*docker system prune/,
    ],
    [
      bin,
      /BaseImageError: There is no base image debian:bookworm-slim\. .*could not pull[\s\S]*no apt-get[\s\S]*debootstrap/,
    ],
  ] as const) {
    const env = {
      ...process.env,
      ...insideOf(engine),
      E2E_CACHE_DIR: fresh,
      E2E_IMAGE_BUILDER: 'docker',
      PATH,
    };
    const failed = run(process.execPath, ['--import', 'tsx', 'scripts/image.ts'], { cwd: root, env });
    await expect(failed).rejects.toMatchObject({ stderr: expect.stringMatching(complaint) });
  }
});

/** A cache with nothing built in it, which shares the downloads and the base image of the real one. */
async function freshCache(folder: string): Promise<string> {
  await mkdir(folder);
  for (const name of ['packages', 'base']) {
    await symlink(await cacheSubfolder(cache, name), path.join(folder, name));
  }
  return folder;
}

/** What makes a process use this engine and no other. */
function insideOf({ host }: PrivateEngine): NodeJS.ProcessEnv {
  return { DOCKER_HOST: host, DOCKER_TLS_VERIFY: '' };
}

/** Runs one spec in a Playwright of its own and answers its output; throws with it if the spec fails. */
async function runSpec(file: string, env: NodeJS.ProcessEnv, folder: string): Promise<string> {
  const inner = Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(TEST_|PLAYWRIGHT_|PW_)/.test(name)),
  );
  const cli = path.join(root, 'node_modules/@playwright/test/cli.js');
  const args = [
    'test',
    '--project=reference',
    '--workers=1',
    '--reporter=list',
    `--output=${folder}/out`,
    file,
  ];
  return await run(process.execPath, [cli, ...args], { cwd: root, env: inner, maxBuffer: 16 << 20 }).then(
    ({ stdout, stderr }) => stdout + stderr,
    (error: unknown) => {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`${file} failed in a guest built in a container:\n${stdout}\n${stderr}`, {
        cause: error,
      });
    },
  );
}

/** What every build makes anew. */
const keys = new Set(['etc/dropbear/host_key', 'root/.ssh/authorized_keys']);

/** What the recipe compiles: debugging information and build IDs name the folder of the build, which is never the same. */
const compiled =
  /\/extra\/[^/]+\.ko$|\/kernel\/drivers\/vfio\/vfio_iommu_type1\.ko$|^usr\/local\/bin\/[^.]+$/;

/** Every file of an initramfs with its mode, owner and content or target; of the keys not the content. */
async function contents(initrd: string, folder: string): Promise<Record<string, string>> {
  await mkdir(folder);
  await run('sh', ['-c', 'exec cpio -i --quiet --no-absolute-filenames <"$1"', 'sh', initrd], {
    cwd: folder,
  });
  const names = await readdir(folder, { recursive: true });
  const entries = names.sort().map(async (name): Promise<[string, string]> => {
    const file = path.join(folder, name);
    const entry = await lstat(file);
    if (compiled.test(name))
      await run('objcopy', ['--strip-debug', '--remove-section=.note.gnu.build-id', file]);
    const content = entry.isSymbolicLink() ? await readlink(file) : entry.isFile() ? await digest(file) : '';
    return [
      name,
      `${entry.mode.toString(8)} ${entry.uid}:${entry.gid} ${keys.has(name) ? 'a key' : content}`,
    ];
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function digest(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
