import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test as base } from '@playwright/test';
import { execa } from 'execa';
import { dir } from 'tmp-promise';

import { lockKey, packagesOf, readLock, writeLock } from '../../../lib/debian/lock.js';
import { type DebianPackage, fileOf } from '../../../lib/debian/package.js';
import { markAsked } from '../../../lib/host/cache-folder.js';
import { lockFile } from '../../../lib/image/packages-in-force.js';
import { createRunFolder } from '../../../lib/machine/ownership/index.js';

const script = path.resolve('scripts/cache.ts');

interface Cache {
  readonly path: string;
  /** Makes a file, or a folder with a file in it where the name ends with a slash, that was changed so many hours ago. */
  readonly make: (name: string, hoursAgo?: number, content?: string) => Promise<string>;
  readonly run: (command: 'list' | 'prune') => Promise<string>;
  /** What is there: one level below the folders of the cache. */
  readonly names: () => Promise<string[]>;
}

const test = base.extend<{ cache: Cache }>({
  cache: async ({}, use) => {
    const { path: folder, cleanup } = await dir({ prefix: 'cache ü, ', unsafeCleanup: true });
    await use({
      path: folder,
      make: async (name, hoursAgo = 0, content = 'x'.repeat(5000)) => {
        const file = path.join(folder, name);
        await mkdir(name.endsWith('/') ? file : path.dirname(file), { recursive: true });
        await writeFile(name.endsWith('/') ? path.join(file, 'content') : file, content);
        const then = new Date(Date.now() - hoursAgo * 3_600_000);
        await utimes(file, then, then);
        return file.replace(/\/$/, '');
      },
      run: async (command) => {
        const call = ['--import', 'tsx', script, command];
        const { stdout } = await execa(process.execPath, call, { env: { E2E_CACHE_DIR: folder } });
        return stdout;
      },
      names: async () => {
        const folders = (await readdir(folder)).sort();
        const below = await Promise.all(
          folders.map(async (name) =>
            (await readdir(path.join(folder, name)).catch(() => [])).sort().map((one) => `${name}/${one}`),
          ),
        );
        return below.flat();
      },
    });
    await cleanup();
  },
});

const [one, two, three] = ['1'.repeat(16), '2'.repeat(16), '3'.repeat(16)];

for (const kind of [
  'drivers',
  'engine',
  'ept',
  'hybrid',
  'kernels',
  'l2-host',
  'reference',
  'roots',
  'stand-in',
  'tools',
]) {
  test(`of ${kind}, what was asked for together stays and what was left behind goes`, async ({ cache }) => {
    await cache.make(`${kind}/${one}/`, 700);
    await cache.make(`${kind}/${two}/`, 705);
    await cache.make(`${kind}/${three}-${three}/`, 800);
    await cache.make(`${kind}/${one}.unfinished-AbCdEf/`, 30);
    await cache.make(`${kind}/${one}.unfinished-GhIjKl/`, 2);
    await cache.make(`${kind}/packages.json`, 900, '{ "packages": [] }');
    await cache.make(`${kind}/what-is-this/`, 900);
    expect(await cache.run('list')).toContain(`${three}-${three}  (others of its kind were asked for since)`);
    await cache.run('prune');
    expect(await cache.names()).toEqual(
      [one, `${one}.unfinished-GhIjKl`, two, 'packages.json', 'what-is-this'].map(
        (name) => `${kind}/${name}`,
      ),
    );
  });
}

test('what is asked for again stays, and so does the reference guest that people are pointed at', async ({
  cache,
}) => {
  const again = await cache.make(`kernels/${one}/`, 500);
  await cache.make(`kernels/${two}/`, 100);
  await markAsked(again);
  await cache.make(`reference/${one}/`, 500);
  await symlink(one, path.join(cache.path, 'reference/current'));
  await cache.make(`reference/${two}/`, 100);
  await cache.run('prune');
  expect(await cache.names()).toEqual([
    `kernels/${one}`,
    `reference/${one}`,
    `reference/${two}`,
    'reference/current',
  ]);
});

test('packages stay that the lock names, what is in force instead, and what a guest that is kept was built from', async ({
  cache,
}) => {
  const committed = await readLock(lockFile);
  const locked = packagesOf(committed, 'engine').map(fileOf)[0] ?? '';
  const list = (...files: string[]): string =>
    JSON.stringify({ packages: files.map((file) => ({ path: `pool/main/k/${file}` })) });
  const found = { ...committed, sets: { engine: [onePackage('found_1_amd64.deb')] } };
  await cache.make('apt/');
  await writeLock(path.join(cache.path, 'apt', `instead-of-${lockKey(committed)}.json`), found);
  await cache.make(`reference/${one}/`, 1);
  await cache.make(`reference/${one}/manifest.json`, 1, list('kept.deb'));
  await cache.make(`reference/${two}/`, 100);
  await cache.make(`reference/${two}/manifest.json`, 100, list('gone.deb'));
  const left = new Date(Date.now() - 100 * 3_600_000);
  await utimes(path.join(cache.path, 'reference', two), left, left);
  for (const name of [locked, 'found_1_amd64.deb', 'kept.deb', 'gone.deb', 'other.deb'])
    await cache.make(`packages/${name}`);
  await cache.make('packages/incoming-a/', 30);
  await cache.make('packages/incoming-b/', 2);
  await cache.run('prune');
  expect(await readdir(path.join(cache.path, 'packages'))).toEqual(
    [locked, 'found_1_amd64.deb', 'incoming-b', 'kept.deb'].sort(),
  );
});

test('where it cannot be read what a guest was built from, no package counts as unwanted', async ({
  cache,
}) => {
  const file = await cache.make('packages/one.deb');
  await cache.make(`reference/${one}/`);
  await cache.make(`reference/${one}/manifest.json`, 0, '{ "packa');
  await cache.run('prune');
  expect((await stat(file)).size).toBeGreaterThan(0);
  await cache.make(`reference/${one}/manifest.json`, 0, '{ "packages": [] }');
  await cache.run('prune');
  expect(await readdir(path.join(cache.path, 'packages'))).toEqual([]);
});

function onePackage(file: string): DebianPackage {
  const place = { archive: 'debian', suite: 'bookworm', path: `pool/main/k/${file}` } as const;
  return { name: 'k', version: '1', ...place, size: 1, sha256: '0'.repeat(64) };
}

for (const [way, start] of Object.entries({
  'on its command line': (folder: string) => spawnWaiting([`a,file=${folder.replaceAll(',', ',,')}/ram,b`]),
  'in its environment': (folder: string) => spawnWaiting([], { PWTEST_CACHE_DIR: folder }),
  'as an open file': (folder: string) => spawnWaiting([], {}, `exec 7<'${folder}/content'; `),
})) {
  test(`what a process has ${way} is in use and stays until it ends`, async ({ cache }) => {
    const used = await cache.make(`tools/${one}/`, 100);
    await cache.make(`tools/${two}/`, 100);
    await cache.make(`tools/${three}/`);
    const user = start(used);
    await once(user.stdout, 'data');
    expect(await cache.run('list')).toMatch(new RegExp(`${one}  in use  \\(others`));
    expect(await cache.run('prune')).toContain('kept, in use: tools');
    expect(await cache.names()).toEqual([`tools/${one}`, `tools/${three}`]);
    user.stdin.end();
    await once(user, 'exit');
    await cache.run('prune');
    expect(await cache.names()).toEqual([`tools/${three}`]);
  });
}

function spawnWaiting(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  first = '',
): ReturnType<typeof spawnWithPipes> {
  return spawnWithPipes(['-c', `${first}echo started; read -r _`, 'user', ...args], env);
}

function spawnWithPipes(args: readonly string[], env: Readonly<Record<string, string>>) {
  return spawn('bash', args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
}

test("a run's copies of a checkout stay while it lives", async ({ cache }) => {
  await mkdir(path.join(cache.path, 'checkouts'));
  await using living = await createRunFolder({ parent: path.join(cache.path, 'checkouts') });
  await cache.make('checkouts/opentdx-e2e-0123456789abcdef/');
  expect(await cache.run('list')).toContain('0123456789abcdef  (the run that made it is over)');
  await cache.run('prune');
  expect(await cache.names()).toEqual([`checkouts/${path.basename(path.dirname(living.path))}`]);
});

test('proofs of KVM are of one boot of the host; what was compiled goes; what is not known stays and is named', async ({
  cache,
}) => {
  const years = 24 * 365 * 20;
  await cache.make('accelerator/accelerator/kvm-old', years);
  await cache.make('accelerator/accelerator/kvm-new');
  await cache.make('compiled/00/a.js');
  await cache.make('of-somebody-else/', years);
  expect(await cache.run('list')).toMatch(/^unknown .*of-somebody-else$/m);
  await cache.run('prune');
  expect(await readdir(path.join(cache.path, 'accelerator/accelerator'))).toEqual(['kvm-new']);
  expect((await readdir(cache.path)).sort()).toEqual(['accelerator', 'of-somebody-else']);
});

test('where there is no cache there is nothing to list, and none is made', async () => {
  const { path: folder, cleanup } = await dir({ unsafeCleanup: true });
  const env = { E2E_CACHE_DIR: path.join(folder, 'none') };
  const { stdout } = await execa(process.execPath, ['--import', 'tsx', script, 'list'], { env });
  expect(stdout).toBe('');
  expect(await readdir(folder)).toEqual([]);
  await cleanup();
});
