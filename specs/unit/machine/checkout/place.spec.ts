import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, test as base } from '@playwright/test';

import { DiskInUseError, lockDisk, takePlace } from '../../../../lib/machine/checkout/index.js';
import { makeParts } from './checkout.js';

const test = base.extend<{ folder: string; root: string }>({
  folder: async ({}, use) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'place-spec-'));
    await use(folder);
    await rm(folder, { recursive: true });
  },
  root: async ({ folder }, use) => {
    const root = path.join(folder, 'checkout');
    await makeParts(root);
    await use(root);
  },
});

const holder = 'process 4711 of a test run';

test('the second launch on a disk is told who holds it, by whatever path it comes', async ({
  root,
  folder,
}) => {
  const disk = path.join(root, 'images/l1.img');
  const other = path.join(folder, 'other-path');
  execFileSync('ln', ['-s', root, other]);
  const lease = await lockDisk(disk, { holder });
  const second = lockDisk(path.join(other, 'images/l1.img'), { holder: 'another', budgetMs: 300 });
  await expect(second).rejects.toThrow(/held by: process 4711 of a test run/);
  await lease.release();
  await (await lockDisk(disk, { holder })).release();
});

test('a VM that somebody started by hand on the disk is named, and nobody waits for it for long', async ({
  root,
}) => {
  const disk = path.join(root, 'images/l1.img');
  await truncate(disk, 1 << 20);
  const args = [
    '-S',
    '-nodefaults',
    '-display',
    'none',
    '-accel',
    'tcg',
    '-drive',
    `format=raw,file=${disk}`,
  ];
  const qemu = spawn('qemu-system-x86_64', args, { stdio: 'ignore' });
  try {
    await expect
      .poll(async () => (await readFile('/proc/locks', 'utf8')).includes(`:${(await stat(disk)).ino} `), {
        timeout: 20_000,
      })
      .toBe(true);
    const refused = lockDisk(disk, { holder });
    await expect(refused).rejects.toThrow(DiskInUseError);
    await expect(refused).rejects.toThrow(/this harness did not start it/);
    await expect(refused).rejects.toThrow(`sudo kill ${qemu.pid ?? 0})`);
  } finally {
    qemu.kill('SIGKILL');
    await once(qemu, 'exit');
  }
  await (await lockDisk(disk, { holder })).release();
});

test('without a way to share blocks the checkout itself is the place, and its disk is held', async ({
  root,
}) => {
  const place = await takePlace({ root, parents: ['/dev/shm'], holder });
  expect(place).toMatchObject({ folder: root, ownDisk: false });
  expect(place.disk).toContain('one launch at a time');
  const second = lockDisk(path.join(root, 'images/l1.img'), { holder, budgetMs: 300 });
  await expect(second).rejects.toThrow(/held by/);
  await place.release();
  await (await lockDisk(path.join(root, 'images/l1.img'), { holder })).release();
});

test('a wrapper stands in for QEMU in a folder of links, and the checkout is as it was', async ({
  root,
  folder,
}) => {
  const wrapper = path.join(folder, 'wrapper');
  await writeFile(wrapper, 'the wrapper', { mode: 0o755 });
  const place = await takePlace({ root, parents: [], qemu: wrapper, holder });
  const qemu = 'qemu-l0/build/qemu-system-x86_64';
  expect(await readFile(path.join(place.folder, qemu), 'utf8')).toBe('the wrapper');
  expect((await stat(path.join(place.folder, qemu))).mode & 0o111).not.toBe(0);
  expect(await readFile(path.join(root, qemu), 'utf8')).toBe('sample');
  expect((await lstat(path.join(place.folder, 'images'))).isSymbolicLink()).toBe(true);
  expect(await readFile(path.join(place.folder, 'seabios/out/bios.bin'), 'utf8')).toBe('sample');
  await place.release();
  await expect(stat(place.folder)).rejects.toThrow(/ENOENT/);
});

test('where the file system can, each launch has a disk of its own', async ({ folder }) => {
  test.skip(process.getuid?.() !== 0, 'only root can mount a file system that shares blocks');
  const [image, mounted] = [path.join(folder, 'fs.img'), path.join(folder, 'fs')];
  await mkdir(mounted);
  await writeFile(image, '');
  await truncate(image, 512 << 20);
  try {
    execFileSync('mkfs.btrfs', ['-q', image], { stdio: 'ignore' });
    execFileSync('mount', ['-o', 'loop', image, mounted], { stdio: 'ignore' });
  } catch {
    test.skip(true, 'btrfs cannot be made or mounted here (btrfs-progs, loop devices)');
  }
  try {
    const root = path.join(mounted, 'checkout');
    await makeParts(root);
    const parents = [path.join(mounted, 'tmp')];
    await mkdir(parents[0] ?? '');
    const [one, two] = [
      await takePlace({ root, parents, holder }),
      await takePlace({ root, parents, holder }),
    ];
    for (const place of [one, two]) expect(place.ownDisk).toBe(true);
    await writeFile(path.join(one.folder, 'images/l1.img'), 'written by one');
    for (const untouched of [two.folder, root])
      expect(await readFile(path.join(untouched, 'images/l1.img'), 'utf8')).toBe('sample');
    expect(await readFile(path.join(one.folder, 'images/l1.id_rsa'), 'utf8')).toBe('sample');
    for (const place of [one, two]) await place.release();
    expect((await stat(path.join(root, 'images/l1.img'))).size).toBe('sample'.length);
    await expect(stat(one.folder)).rejects.toThrow(/ENOENT/);
  } finally {
    execFileSync('umount', [mounted]);
  }
});
