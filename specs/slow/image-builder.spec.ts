import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { lstat, mkdir, readFile, readdir, readlink, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from '@playwright/test';

import { readEnvironment } from '../../fixtures/environment.js';
import { referenceImage } from '../../fixtures/stacks/reference-image.js';
import { fileOf } from '../../lib/debian/package.js';
import { cacheSubfolder } from '../../lib/host/cache-folder.js';
import { type PrivateEngine, startPrivateEngine } from '../../scripts/private-engine/engine.js';
import { engineObstacle } from '../../scripts/private-engine/obstacle.js';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
const environment = readEnvironment(process.env);
const { cache } = environment;

/** A build takes a minute or two; a computer that does other things beside it takes many. */
const budgetMs = 30 * 60_000;
const quiet = (): void => undefined;

test.beforeEach(async () => {
  const obstacle = await engineObstacle();
  test.skip(obstacle !== undefined, obstacle);
});

test('a guest built in a container is the native one, and passes VFIO specs', async ({}, testInfo) => {
  test.setTimeout(budgetMs);
  // Both are built here and now: what a cache holds may have been built in either way.
  const nativeCache = await freshCache(testInfo.outputPath('native'));
  const nativeOnly = { ...process.env, E2E_CACHE_DIR: nativeCache, E2E_IMAGE_BUILDER: 'native' };
  const native = await referenceImage(readEnvironment(nativeOnly), quiet);
  const fresh = await freshCache(testInfo.outputPath('cache'));
  await using engine = await startPrivateEngine(environment, quiet);
  const env = { ...process.env, ...insideOf(engine), E2E_CACHE_DIR: fresh, E2E_IMAGE_BUILDER: 'docker' };
  const output = await runSpecs(['clear-page-user', 'unmap', 'user-access'], env, testInfo.outputPath());
  // The recipe's own words, streamed through engine and runner.
  expect(output).toMatch(/by a container of Docker [\d.]+[\s\S]*image: build the patched VFIO module/);
  expect(output).toMatch(/\b[1-9]\d* passed/);
  expect(output).not.toMatch(/skipped|did not run/);

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

test('nothing is left of an engine and its containers when their run is killed', async ({}, testInfo) => {
  test.setTimeout(budgetMs);
  const seconds = `86400.${process.pid}${Date.now() % 1000}`;
  const folderFile = testInfo.outputPath('folder');
  const { packages } = await referenceImage(environment, quiet);
  const [busybox = ''] = packages.filter(({ name }) => name === 'busybox-static').map(fileOf);
  const script = `set -eu
    dpkg-deb --fsys-tarfile '${path.join(cache, 'packages', busybox)}' | docker import - box >/dev/null
    docker run -d --network=host box /bin/busybox sleep ${seconds} >/dev/null
    dirname "\${DOCKER_HOST#unix://}" >'${folderFile}'
    exec sleep ${seconds}`;
  const runner = spawn(
    process.execPath,
    ['--import', 'tsx', path.join(root, 'scripts/private-engine/index.ts'), 'sh', '-c', script],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const ended = once(runner, 'exit');
  try {
    const sleepers = async (): Promise<string[]> => {
      expect(runner.exitCode, 'the run that is to be killed ended by itself').toBeNull();
      const lines = await processesWith(`sleep ${seconds} `);
      return lines.filter((line) => /^(\/bin\/busybox )?sleep /.test(line)).sort();
    };
    await expect
      .poll(sleepers, { timeout: budgetMs })
      .toEqual([`/bin/busybox sleep ${seconds} `, `sleep ${seconds} `]);
  } finally {
    runner.kill('SIGKILL');
  }
  await ended;
  const folder = path.dirname((await readFile(folderFile, 'utf8')).trim());
  const leftovers = async (): Promise<string[]> => [
    ...(await processesWith(folder)),
    ...(await processesWith(`sleep ${seconds} `)),
    ...(await readFile('/proc/mounts', 'utf8')).split('\n').filter((line) => line.includes(folder)),
    ...(await readdir(folder).catch(() => [])),
  ];
  await expect.poll(leftovers, { timeout: 120_000 }).toEqual([]);
});

test("an engine's full disk is told as such, and soon", async ({}, testInfo) => {
  await using engine = await startPrivateEngine(environment, quiet, { size: '64m' });
  const env = {
    ...process.env,
    ...insideOf(engine),
    E2E_CACHE_DIR: await freshCache(testInfo.outputPath('cache')),
    E2E_IMAGE_BUILDER: 'docker',
  };
  const failed = run(process.execPath, ['--import', 'tsx', 'scripts/image.ts'], { cwd: root, env });
  const complaint = /The engine's disk is full: it could not import[\s\S]*docker system prune/;
  await expect(failed).rejects.toMatchObject({ code: 125, stderr: expect.stringMatching(complaint) });
});

/** A cache with nothing built in it, which shares the downloads of the real one. */
async function freshCache(folder: string): Promise<string> {
  await mkdir(folder);
  await symlink(await cacheSubfolder(cache, 'packages'), path.join(folder, 'packages'));
  return folder;
}

/** What makes a process use this engine and no other. */
function insideOf({ host }: PrivateEngine): NodeJS.ProcessEnv {
  return { DOCKER_HOST: host, DOCKER_TLS_VERIFY: '' };
}

/** Runs specs of specs/vfio in a Playwright of its own and answers its output; throws with it if one fails. */
async function runSpecs(names: readonly string[], env: NodeJS.ProcessEnv, folder: string): Promise<string> {
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
    ...names.map((name) => `specs/vfio/${name}.spec.ts`),
  ];
  return await run(process.execPath, [cli, ...args], { cwd: root, env: inner, maxBuffer: 16 << 20 }).then(
    ({ stdout, stderr }) => stdout + stderr,
    (error: unknown) => {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(
        `${names.join(', ')} in a guest built in a container: a spec failed.\n${stdout}\n${stderr}`,
        {
          cause: error,
        },
      );
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

/** Living processes with `text` on their command line, this one left out. */
async function processesWith(text: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const lines = await Promise.all(
    pids.map(async (pid) => await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.map((line) => line.replaceAll('\0', ' ')).filter((line) => line.includes(text));
}
