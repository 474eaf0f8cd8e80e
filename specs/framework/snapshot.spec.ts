import { mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { dir } from 'tmp-promise';

import { expect, test as base } from '../../fixtures/index.js';
import { referenceStack } from '../../fixtures/stacks/reference.js';
import type { Stack } from '../../fixtures/stacks/stack.js';
import { startVm } from '../../fixtures/vm/start.js';
import { stopVm, type Vm } from '../../fixtures/vm/vm.js';
import { defaultMachineOptions } from '../../lib/machine/options.js';
import { fileDigest } from '../../lib/machine/snapshot/digest.js';

/** The reference stack with no snapshot yet, in a cache folder whose name is awkward. */
interface FreshCache {
  readonly snapshots: string;
  /** Starts a VM that ends with the test, and says how many machines were launched for it. */
  start: () => Promise<{ vm: Vm; launches: number }>;
}

const test = base.extend<{ freshCache: FreshCache }>({
  freshCache: async ({ environment }, use, testInfo) => {
    const folder = await dir({ prefix: 'cache ü,, $x ', unsafeCleanup: true });
    // The images are the usual ones: only the snapshots are new.
    for (const name of ['reference', 'packages', 'accelerator'])
      await symlink(path.join(environment.cache, name), path.join(folder.path, name));
    await mkdir(path.join(folder.path, 'snapshots'));
    const stack: Stack = await referenceStack({ ...environment, cache: folder.path }, () => undefined);
    const vms: Vm[] = [];
    let count = 0;
    await use({
      snapshots: path.join(folder.path, 'snapshots'),
      start: async () => {
        let launches = 0;
        const vm = await startVm(stack, {
          title: 'The VM',
          consoleLog: testInfo.outputPath(`console-${(count += 1)}.log`),
          machineOptions: { ...defaultMachineOptions, memory: '256m', vcpus: 1 },
          onStarted: () => (launches += 1),
        });
        vms.push(vm);
        return { vm, launches };
      },
    });
    await Promise.all(vms.map(stopVm));
    await folder.cleanup();
  },
});

test.describe.configure({ timeout: 300_000 });

test('a machine is booted once for all that are restored from it', async ({ freshCache }) => {
  const both = await Promise.all([freshCache.start(), freshCache.start()]);
  expect(both.map(({ vm }) => vm.start.how)).toEqual(['restored', 'restored']);
  // One of them booted the machine and restored it, the other one only restored it.
  expect(both.map(({ launches }) => launches).sort()).toEqual([1, 2]);
  expect(await readdir(freshCache.snapshots)).toEqual([both[0].vm.start.snapshot]);
});

test('a snapshot that QEMU does not take is named, thrown away and taken anew', async ({ freshCache }) => {
  const { vm } = await freshCache.start();
  await stopVm(vm);
  const folder = path.join(freshCache.snapshots, vm.start.snapshot ?? '');
  // As if another QEMU had written it: the files are what the manifest says, and the machine's state is another one's.
  const state = path.join(folder, 'state');
  await truncate(state, 4096);
  await setDigest(folder, 'state', state);

  const again = await freshCache.start();
  expect(again.launches).toBe(3);
  expect(again.vm.start).toMatchObject({
    how: 'restored',
    notes: [expect.stringMatching(/thrown away and taken anew: QEMU did not take the snapshot's state/)],
  });
  expect(again.vm.start.notes?.[0]).toContain(folder);
  expect(await again.vm.guest.succeed(['echo', 'here'])).toBe('here\n');
  expect((await freshCache.start()).launches).toBe(1);
});

test('clones have their own time, entropy and ports, and no connection of the machine that they are clones of', async ({
  launch,
  vm: first,
}) => {
  const second = await launch();
  expect([first, second].map(({ start }) => start.how)).toEqual(['restored', 'restored']);
  expect(first.start.snapshot).toBe(second.start.snapshot);
  const clones = [first, second];
  for (const { guest } of clones) {
    const seconds = Number(await guest.succeed(['date', '+%s']));
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(10);
    // The virtual machine generation ID is what tells the guest's kernel that it is a clone.
    expect(await guest.succeed(['dmesg'])).toContain('crng reseeded due to virtual machine fork');
    const servers = await guest.succeed(['pidof', 'dropbear']);
    // The server, the fork that serves the reader of the kernel's log, and the one that serves this command.
    expect(servers.trim().split(' ')).toHaveLength(3);
  }
  const random = await Promise.all(
    clones.map(async ({ guest }) => {
      const hex = await guest.succeed(['sh', '-c', 'head -c 64 /dev/urandom | od -An -v -tx1']);
      return hex.replace(/\s/g, '');
    }),
  );
  expect(random[0]).toHaveLength(128);
  expect(random[0]).not.toBe(random[1]);
  const ports = clones.flatMap(({ machine: { ports } }) => [
    ports.ssh,
    ports.sshL2,
    ports.debug,
    ports.monitor,
  ]);
  expect(new Set(ports).size).toBe(ports.length);
});

/** Makes the manifest say that the file is as it was taken. */
async function setDigest(folder: string, name: 'ram' | 'state', file: string): Promise<void> {
  const manifestFile = path.join(folder, 'manifest.json');
  const manifest = JSON.parse(await readFile(manifestFile, 'utf8')) as Record<string, object>;
  const size = (await readFile(file)).length;
  manifest[name] = { ...manifest[name], size, sha256: await fileDigest(file) };
  await writeFile(manifestFile, JSON.stringify(manifest));
}
