import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from '@playwright/test';

import { type KernelChoice, placeOfKernel } from '../../../lib/image/kernel/kernel-place.js';

/** Files with nothing in them; their paths. */
async function files(name: string, ...names: string[]): Promise<string> {
  const root = test.info().outputPath(name);
  await mkdir(root, { recursive: true });
  for (const each of names) {
    await mkdir(path.dirname(path.join(root, each)), { recursive: true });
    await writeFile(path.join(root, each), '');
  }
  return root;
}

function place(choice: KernelChoice): ReturnType<typeof placeOfKernel> {
  return placeOfKernel(test.info().outputPath('cache'), choice);
}

const built = ['modules.order', 'include/config/kernel.release', 'arch/x86/boot/bzImage', 'vmlinux'];

test('a tree brings its kernel, its modules and what modules are built against', async () => {
  const tree = await files('tree', 'Kbuild', ...built);
  const bzImage = path.join(tree, 'arch/x86/boot/bzImage');
  expect(await place({ kernel: tree })).toEqual({ file: bzImage, modules: tree, headers: tree });
  // So does a kernel that lies in one.
  expect(await place({ kernel: bzImage })).toEqual({ file: bzImage, modules: tree, headers: tree });
  const vmlinux = path.join(tree, 'vmlinux');
  expect(await place({ kernel: vmlinux })).toEqual({ file: vmlinux, modules: tree, headers: tree });
  expect(await place({ kernel: tree, modules: '/m', headers: '/h' })).toEqual({
    ...{ file: bzImage, modules: '/m', headers: '/h' },
  });
});

test('a tree in which only the kernel was built is one, too', async () => {
  const tree = await files('bare', 'Kbuild', ...built.slice(1));
  expect(await place({ kernel: tree })).toMatchObject({ modules: tree, headers: tree });
});

test('a kernel by itself has neither', async () => {
  const alone = await files('alone', 'bzImage');
  const file = path.join(alone, 'bzImage');
  expect(await place({ kernel: file })).toEqual({ file, modules: undefined, headers: undefined });
  // Not found is for whoever reads it to say.
  expect(await place({ kernel: '/gone' })).toMatchObject({ file: '/gone' });
});

for (const [layout = '', ...names] of [
  ['before 6.19', 'boot/vmlinuz-6.12.1-amd64', 'lib/modules/6.12.1-amd64/kernel/a.ko'],
  ['usr-merged', 'boot/vmlinuz-6.12.1-amd64', 'usr/lib/modules/6.12.1-amd64/kernel/a.ko'],
  ['since 6.19', 'usr/lib/modules/7.2.1-amd64/vmlinuz', 'usr/lib/modules/7.2.1-amd64/config'],
]) {
  test(`a package, packed or not: ${layout}`, async () => {
    const folder = await files('package', ...names);
    const kernel = path.join(folder, names[0] ?? '');
    expect(await place({ kernel: folder })).toEqual({ file: kernel, modules: folder, headers: undefined });

    const deb = test.info().outputPath('linux.deb');
    await mkdir(path.join(folder, 'DEBIAN'));
    const control =
      'Package: linux\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: none\n';
    await writeFile(path.join(folder, 'DEBIAN/control'), control);
    await promisify(execFile)('dpkg-deb', ['-b', folder, deb]);
    const { file, modules } = await place({ kernel: deb, modules: deb });
    expect(file).toBe(path.join(modules ?? '', names[0] ?? ''));
    expect(modules).toContain(test.info().outputPath('cache'));
    // Unpacked once.
    expect(await place({ kernel: deb })).toMatchObject({ file, modules });
  });
}

test('what holds no kernel, or several, or cannot be unpacked, is refused with a remedy', async () => {
  const unbuilt = await files('unbuilt', 'Kbuild', 'Makefile');
  await expect(place({ kernel: unbuilt })).rejects.toThrow(/not built: make bzImage modules/);
  await expect(place({ kernel: await files('empty') })).rejects.toThrow(/holds no kernel.*linux-binary/);
  const two = await files('two', 'boot/vmlinuz-1', 'boot/vmlinuz-2');
  await expect(place({ kernel: two })).rejects.toThrow(
    /2 kernels: .*vmlinuz-1.*vmlinuz-2.*Set E2E_KERNEL to one/,
  );
  const broken = path.join(await files('broken', 'a.deb'), 'a.deb');
  await expect(place({ kernel: broken })).rejects.toThrow(/a\.deb cannot be unpacked: /);
  await expect(place({ kernel: '/gone.deb' })).rejects.toThrow(/gone\.deb cannot be read/);
});
