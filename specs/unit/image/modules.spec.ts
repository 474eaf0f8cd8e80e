import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';

import { expect, test } from '@playwright/test';

import { findModules, selectModules } from '../../../lib/image/kernel/kernel-modules.js';
import { moduleName } from '../../../lib/image/kernel/module-file.js';
import { modulesOverlay } from '../../../lib/image/kernel/overlay.js';

const release = '6.13.0-rc7';
/** Files below the tree's root, and what each says that it needs. */
const modules = {
  'drivers/vfio/vfio.ko': '',
  'drivers/vfio/vfio_iommu_type1.ko': 'vfio',
  'drivers/vfio/pci/vfio-pci.ko': 'vfio-pci-core,vfio',
  'drivers/vfio/pci/vfio-pci-core.ko': 'vfio',
  'net/unrelated.ko': '',
};

function content(file: string, needs: string, builtFor = release): Buffer {
  const strings = [`name=${moduleName(file)}`, `depends=${needs}`, `vermagic=${builtFor} SMP mod_unload `];
  return Buffer.from(`code depends=no\0${strings.join('\0')}\0`);
}

/** The modules in a folder, as files, or packed. */
async function write(root: string, packed = false, builtFor = release): Promise<void> {
  for (const [file, needs] of Object.entries(modules)) {
    const place = path.join(root, packed ? `${file}.gz` : file);
    await mkdir(path.dirname(place), { recursive: true });
    const data = content(file, needs, builtFor);
    await writeFile(place, packed ? gzipSync(data) : data);
  }
}

/** A tree after `make bzImage modules`. */
async function builtTree(suffix: '.o' | '.ko' = '.o', built = release): Promise<string> {
  const tree = test.info().outputPath(`tree${suffix}`);
  await write(tree);
  await mkdir(path.join(tree, 'include/config'), { recursive: true });
  await writeFile(path.join(tree, 'include/config/kernel.release'), `${built}\n`);
  // What an older configuration built is no module of this kernel.
  const order = Object.keys(modules).filter((file) => !file.includes('unrelated'));
  const lines = order.map((file) => `${suffix === '.ko' ? 'kernel/' : ''}${file.replace(/\.ko$/, suffix)}\n`);
  await writeFile(path.join(tree, 'modules.order'), lines.join(''));
  return tree;
}

async function selected(folder: string, ...names: string[]): Promise<string[]> {
  const found = await selectModules(await findModules(folder, release), names, release);
  return found.map(({ name }) => name).sort();
}

test('a module brings what it needs, and is found by either spelling of its name', async () => {
  const tree = await builtTree();
  for (const name of ['vfio-pci', 'vfio_pci'])
    expect(await selected(tree, name, 'not-there')).toEqual(['vfio', 'vfio_pci', 'vfio_pci_core']);
});

test('modules are found in a tree, in what was installed or unpacked from a package, and in their own folder', async () => {
  for (const suffix of ['.o', '.ko'] as const)
    expect([...(await findModules(await builtTree(suffix), release)).keys()]).not.toContain('unrelated');
  // Nobody has run depmod.
  for (const base of ['installed', 'package/usr', 'with a blank']) {
    const root = test.info().outputPath(base);
    const own = path.join(root, 'lib/modules', release);
    await write(path.join(own, 'kernel'), true);
    for (const folder of [root, test.info().outputPath(base.split('/')[0] ?? ''), own])
      expect(await selected(folder, 'vfio_iommu_type1'), folder).toEqual(['vfio', 'vfio_iommu_type1']);
  }
});

test('a tree in which only the kernel was built has none, which is no error', async () => {
  const tree = await builtTree();
  await rm(path.join(tree, 'modules.order'));
  expect([...(await findModules(tree, release))]).toEqual([]);
});

test('of two modules of a name the one that depmod prefers is taken', async () => {
  const own = path.join(test.info().outputPath('two'), 'lib/modules', release);
  for (const base of ['kernel', 'extra', 'updates']) await write(path.join(own, base));
  expect((await findModules(own, release)).get('vfio')).toBe(path.join(own, 'updates/drivers/vfio/vfio.ko'));
});

test('modules of another kernel are refused, and both are named', async () => {
  const folder = test.info().outputPath('other');
  await write(path.join(folder, 'lib/modules', release));
  for (const place of [folder, path.join(folder, 'lib/modules', release), await builtTree()]) {
    await expect(findModules(place, '6.1.0')).rejects.toThrow(
      /modules of 6\.13\.0-rc7, and the kernel is 6\.1\.0/,
    );
  }
  // As after a change of the version without `make modules`.
  const stale = path.join(test.info().outputPath('stale'), 'lib/modules', release);
  await write(stale, false, '6.13.0-rc6');
  const all = await findModules(stale, release);
  await expect(selectModules(all, ['vfio'], release)).rejects.toThrow(/built for 6\.13\.0-rc6.*make modules/);
});

test('a folder without modules is refused with the command that builds them', async () => {
  const empty = test.info().outputPath('empty');
  await mkdir(path.join(empty, 'lib/modules', release), { recursive: true });
  for (const folder of [test.info().outputPath(), empty])
    await expect(findModules(folder, release)).rejects.toThrow(
      /no modules in lib\/modules\/6\.13\.0-rc7.*make modules/,
    );
});

async function unpacked(archive: Buffer): Promise<string> {
  const out = test.info().outputPath('unpacked');
  await mkdir(out);
  await writeFile(`${out}.cpio`, archive);
  // `cpio` says so of damaged headers.
  const { stderr } = await promisify(execFile)('cpio', ['-id', '--quiet', '-F', `${out}.cpio`], { cwd: out });
  expect(stderr).toBe('');
  return path.join(out, 'lib/modules', release);
}

test('the archive holds the chosen modules, as cpio and modprobe read them', async () => {
  const folder = test.info().outputPath('installed');
  await write(path.join(folder, 'lib/modules', release), true);
  const chosen = await selectModules(await findModules(folder, release), ['vfio_pci'], release);
  const extra = [{ name: 'verify_pte', data: Buffer.from('own'), needs: [] }];
  const overlay = { release, modules: chosen, extra, builtIn: ['virtio_net'] };
  const archive = modulesOverlay(overlay);
  expect(modulesOverlay(overlay), 'the same bytes each time').toEqual(archive);
  expect(archive.length % 4).toBe(0);

  const root = await unpacked(archive);
  expect(await readFile(path.join(root, 'kernel/vfio.ko'))).toEqual(content('vfio.ko', ''));
  expect(await readFile(path.join(root, 'extra/verify_pte.ko'), 'utf8')).toBe('own');
  const shown = await promisify(execFile)('find', [root, '-type', 'f', '-printf', '%P\n']);
  expect(shown.stdout.trim().split('\n').sort()).toEqual([
    'extra/verify_pte.ko',
    'kernel/vfio.ko',
    'kernel/vfio_pci.ko',
    'kernel/vfio_pci_core.ko',
    'modules.builtin',
    'modules.dep',
  ]);
  // What is needed first stands last.
  const dependencies = await readFile(path.join(root, 'modules.dep'), 'utf8');
  expect(dependencies).toContain('kernel/vfio_pci.ko: kernel/vfio_pci_core.ko kernel/vfio.ko\n');
  expect(dependencies.endsWith('\nextra/verify_pte.ko:\n')).toBe(true);
});

test('for a kernel without modules the archive says that there are none', async () => {
  const root = await unpacked(modulesOverlay({ release, modules: [], builtIn: ['virtio_net'] }));
  expect(await readFile(path.join(root, 'modules.dep'), 'utf8')).toBe('');
  expect(await readFile(path.join(root, 'modules.builtin'), 'utf8')).toBe('kernel/virtio_net.ko\n');
});
