import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test as base } from '@playwright/test';
import { execa } from 'execa';

import { readEnvironment } from '../../fixtures/environment.js';
import { referenceImage } from '../../fixtures/stacks/reference-image.js';

/** Downloads and a build of L1, on a host that is busy with other machines. */
const buildMs = 10 * 60_000;

const program = ['--import', 'tsx', path.resolve('scripts/stand-in/index.ts')];

function make(folder: string): Promise<{ exitCode?: number; stdout: string; stderr: string }> {
  return execa(process.execPath, [...program, folder], { reject: false });
}

const test = base.extend<{
  /** A cache folder with the reference guest and the downloads of the project's own, and no stand-in. */
  cache: string;
}>({
  cache: async ({}, use, testInfo) => {
    const environment = readEnvironment(process.env);
    const real = environment.cache;
    await referenceImage(environment, () => undefined);
    const cache = testInfo.outputPath('cache');
    await mkdir(cache, { recursive: true });
    for (const name of ['reference', 'packages'])
      await symlink(path.join(real, name), path.join(cache, name));
    await use(cache);
  },
});

/** What open-tdx's launch script and its users expect of a checkout. */
const layout = [
  'launch-opentdx.sh',
  'qemu-l0/build/qemu-system-x86_64',
  'seabios/out/bios.bin',
  'seam-loader/seam-loader-main-1.5/np-seam-loader/seamldr_src/Projects/Server/Emr/Seamldr/output/ENG_TR_O1/EMR_NP_SEAMLDR_ENG_TR_O1.DBG.bin',
  'tdx-module/bin/debug/libtdx.so',
  'tdx-module/bin/debug/libtdx.so.sigstruct',
  'linux-l1/arch/x86/boot/bzImage',
  'linux-l1/initrd.img-l1',
  'images/l1.img',
  'images/l1.id_rsa',
  'images/l2.id_rsa',
  ...['qemu-l1', 'kvm-l1', 'linux-l2', 'edk2', 'scripts'],
  'scripts/launch-td.sh',
  'scripts/load-kvm.sh',
  'scripts/verify_pte/test_verify.sh',
];

test('a stand-in has every file of a checkout', async ({}, testInfo) => {
  test.setTimeout(buildMs);
  const root = testInfo.outputPath('checkout');
  const { exitCode, stdout, stderr } = await make(root);
  expect({ exitCode, stdout }, stderr).toEqual({ exitCode: 0, stdout: root });
  const found = await Promise.all(layout.map((file) => stat(path.join(root, file))));
  const modes = Object.fromEntries(layout.map((file, at) => [file, (found[at]?.mode ?? 0) & 0o777]));
  expect(modes).toMatchObject({
    'launch-opentdx.sh': 0o755,
    'qemu-l0/build/qemu-system-x86_64': 0o755,
    // ssh refuses a key that others may read.
    'images/l1.id_rsa': 0o600,
    'images/l2.id_rsa': 0o600,
  });
  const disk = await stat(path.join(root, 'images/l1.img'));
  expect(disk.blocks * 512, 'the disk has holes').toBeLessThan(disk.size / 2);
});

test('a folder that holds something is left alone', async ({}, testInfo) => {
  const root = testInfo.outputPath('checkout');
  await mkdir(root, { recursive: true });
  await writeFile(path.join(root, 'mine'), 'mine');
  const { exitCode, stderr } = await make(root);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`${root} is not empty: name a folder that is new or empty.`);
  expect(await readdir(root)).toEqual(['mine']);
});

test('two at once build L1 once, and a build that was killed counts for nothing', async ({
  cache,
}, testInfo) => {
  test.setTimeout(buildMs);
  const options = { reject: false, all: true, env: { E2E_CACHE_DIR: cache } } as const;
  const start = (name: string) => execa(process.execPath, [...program, testInfo.outputPath(name)], options);

  const killed = start('killed');
  for await (const line of killed.iterable({ from: 'all' })) {
    if (line.includes('stand-in: make the disk')) killed.kill('SIGKILL');
  }
  expect((await killed).signal).toBe('SIGKILL');
  const kept = async (): Promise<string[]> => (await readdir(path.join(cache, 'stand-in'))).sort();
  expect(await kept()).toEqual([expect.stringMatching(/^[0-9a-f]{16}\.unfinished-/)]);

  const results = await Promise.all([start('first'), start('second')]);
  for (const { exitCode, all } of results) expect(exitCode, all).toBe(0);
  expect(results.filter(({ all }) => all.includes('stand-in: make the disk'))).toHaveLength(1);
  expect(await kept()).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/)]);
  const [first, second] = await Promise.all(
    ['first', 'second'].map((name) => readFile(testInfo.outputPath(name, 'images/l1.id_rsa'), 'utf8')),
  );
  expect(first).toContain('PRIVATE KEY');
  expect(second).toBe(first);
});
