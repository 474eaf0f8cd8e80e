import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';

import { expect, test } from '@playwright/test';

import { moduleName, parseModulesDep, selectModules } from '../../../lib/image/kernel/modules-dep.js';
import { findModules } from '../../../lib/image/kernel/modules-folder.js';
import { modulesOverlay } from '../../../lib/image/kernel/overlay.js';

const release = '6.13.0-rc7';
const modulesDep = `kernel/drivers/vfio/vfio.ko.gz:
kernel/drivers/vfio/vfio_iommu_type1.ko.gz: kernel/drivers/vfio/vfio.ko.gz
kernel/drivers/vfio/pci/vfio-pci.ko: kernel/drivers/vfio/pci/vfio-pci-core.ko kernel/drivers/vfio/vfio.ko.gz
kernel/drivers/vfio/pci/vfio-pci-core.ko: kernel/drivers/vfio/vfio.ko.gz
kernel/net/unrelated.ko:
`;

test('a module brings what it needs, and is found by either spelling of its name', () => {
  const modules = parseModulesDep(modulesDep);
  for (const name of ['vfio-pci', 'vfio_pci']) {
    const selected = selectModules(modules, [name, 'not-there']);
    expect(selected.map(({ path }) => moduleName(path))).toEqual(['vfio', 'vfio_pci', 'vfio_pci_core']);
  }
});

/** A folder as `make modules_install INSTALL_MOD_PATH=…` leaves it. */
async function installModules(): Promise<string> {
  const folder = test.info().outputPath('installed');
  const root = path.join(folder, 'lib/modules', release);
  for (const { path: file } of parseModulesDep(modulesDep)) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    const content = `module ${moduleName(file)}`;
    await writeFile(path.join(root, file), file.endsWith('.gz') ? gzipSync(content) : content);
  }
  await writeFile(path.join(root, 'modules.dep'), modulesDep);
  return folder;
}

test('modules are found in the folder that they were installed to, and in their own', async () => {
  const folder = await installModules();
  const own = path.join(folder, 'lib/modules', release);
  expect((await findModules(folder, release)).path).toBe(own);
  expect((await findModules(own, release)).path).toBe(own);
});

test('modules of another kernel are refused, and both are named', async () => {
  const folder = await installModules();
  for (const place of [folder, path.join(folder, 'lib/modules', release)]) {
    await expect(findModules(place, '6.1.0')).rejects.toThrow(
      /modules of 6\.13\.0-rc7, and the kernel is 6\.1\.0/,
    );
  }
});

test('modules that depmod has not seen are refused with its command, which makes them found', async () => {
  for (const base of ['unpacked', 'unpacked/usr', 'with a blank']) {
    const root = test.info().outputPath(base.split('/')[0] ?? '');
    const place = path.join(test.info().outputPath(base), 'lib/modules', release);
    await mkdir(path.join(place, 'kernel/fs'), { recursive: true });
    await writeFile(path.join(place, 'kernel/fs/some.ko.xz'), '');
    for (const folder of [root, place]) {
      const error = await findModules(folder, release).then(String, String);
      expect(error).toContain('no modules.dep');
      expect(error).not.toContain('the kernel is');
      const command = /Run: depmod (-b .+ 6\.13\.0-rc7)$/.exec(error)?.[1] ?? '';
      // As a shell reads it, wherever this checkout lies.
      const { stdout } = await promisify(execFile)('sh', ['-c', `printf '%s\\n' ${command}`]);
      expect(stdout.trimEnd().split('\n')).toEqual(['-b', test.info().outputPath(base), release]);
    }
    // As the command does; whether it is installed on this host is no matter of this spec.
    await writeFile(path.join(place, 'modules.dep'), 'kernel/fs/some.ko.xz:\n');
    expect((await findModules(root, release)).path).toBe(place);
    await rm(root, { recursive: true });
  }
});

test('modules that lie elsewhere, unseen by depmod, are to be moved; an empty folder holds none', async () => {
  const place = path.join(test.info().outputPath('loose'), release);
  await mkdir(place, { recursive: true });
  await expect(findModules(place, release)).rejects.toThrow(/holds no lib\/modules/);
  await writeFile(path.join(place, 'some.ko'), '');
  await expect(findModules(place, release)).rejects.toThrow(/Move it to .*lib\/modules.*depmod -b … 6\.13/);
  const empty = test.info().outputPath('empty');
  await mkdir(path.join(empty, 'lib/modules', release), { recursive: true });
  await expect(findModules(empty, release)).rejects.toThrow(/make modules_install/);
});

test('a modules.dep that may not be read is said to be so', async () => {
  const folder = test.info().outputPath('odd');
  await mkdir(path.join(folder, 'lib/modules', release, 'modules.dep'), { recursive: true });
  await expect(findModules(folder, release)).rejects.toThrow(/modules\.dep cannot be read/);
});

test('a folder without modules is refused with the command that installs them', async () => {
  await expect(findModules(test.info().outputPath(), release)).rejects.toThrow(
    /lib\/modules\/6\.13\.0-rc7\/modules\.dep.*make modules_install INSTALL_MOD_PATH=/,
  );
});

test('the archive holds the chosen modules, unpacked, as cpio and modprobe read them', async () => {
  const folder = await findModules(await installModules(), release);
  const modules = selectModules(folder.modules, ['vfio_iommu_type1']);
  const overlay = { release, folder, modules, builtIn: ['virtio_net'] };
  const archive = await modulesOverlay(overlay);
  expect(await modulesOverlay(overlay), 'the same bytes each time').toEqual(archive);
  expect(archive.length % 4).toBe(0);

  const out = test.info().outputPath('unpacked');
  await mkdir(out);
  await writeFile(`${out}.cpio`, archive);
  // `cpio` says so of damaged headers.
  const { stderr } = await promisify(execFile)('cpio', ['-id', '--quiet', '-F', `${out}.cpio`], { cwd: out });
  expect(stderr).toBe('');
  const root = path.join(out, 'lib/modules', release);
  expect(await readFile(path.join(root, 'kernel/drivers/vfio/vfio.ko'), 'utf8')).toBe('module vfio');
  await expect(readFile(path.join(root, 'kernel/net/unrelated.ko'))).rejects.toThrow('ENOENT');
  const shown = await promisify(execFile)('find', [root, '-type', 'f', '-printf', '%P\n']);
  expect(shown.stdout.trim().split('\n').sort()).toEqual([
    'kernel/drivers/vfio/vfio.ko',
    'kernel/drivers/vfio/vfio_iommu_type1.ko',
    'modules.builtin',
    'modules.dep',
  ]);
  expect(await readFile(path.join(root, 'modules.dep'), 'utf8')).toContain(
    'vfio_iommu_type1.ko: kernel/drivers/vfio/vfio.ko\n',
  );
});

test('for a kernel without modules the archive says that there are none', async () => {
  const archive = await modulesOverlay({ release, folder: undefined, modules: [], builtIn: ['virtio_net'] });
  const out = test.info().outputPath('unpacked');
  await mkdir(out);
  await writeFile(`${out}.cpio`, archive);
  await promisify(execFile)('cpio', ['-id', '--quiet', '-F', `${out}.cpio`], { cwd: out });
  const root = path.join(out, 'lib/modules', release);
  expect(await readFile(path.join(root, 'modules.dep'), 'utf8')).toBe('');
  expect(await readFile(path.join(root, 'modules.builtin'), 'utf8')).toBe('kernel/virtio_net.ko\n');
});
