import { readdir } from 'node:fs/promises';
import { expect, test } from '../../fixtures/index.js';
import type { Vm } from '../../fixtures/vm/vm.js';
import { insertOwnModule } from '../../lib/guest/module/index.js';
import { loadVfioDriver } from '../support/vfio-driver.js';

// One VM for all tests of the worker, as on a checkout. In order: each test that leaves something is followed by one that looks.
test.describe.configure({ mode: 'serial', timeout: 180_000 });
test.use({ reuseVm: true });

let boot: string;
const bootOf = async ({ guest }: Vm): Promise<string> =>
  (await guest.succeed(['cat', '/proc/sys/kernel/random/boot_id'])).trim();

/** What the next test must not meet, as the guest has it. */
const traces = `
lsmod | grep verify_pte
grep /mnt/left /proc/mounts
ls -d /tmp/left /dev/shm/left 2>/dev/null
cat /proc/sys/vm/nr_hugepages /proc/sys/kernel/hung_task_timeout_secs
cat /sys/kernel/mm/transparent_hugepage/enabled /sys/kernel/tracing/kprobe_events
pidof sleep; ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c /dev/vfio/
:`;
let clean: string;

test('a test leaves modules, mounts, files, settings, processes and DMA mappings behind', async ({
  vm,
  guest,
  vfio,
}) => {
  boot = await bootOf(vm);
  clean = (await guest.shell(traces)).stdout;
  await vfio.mapDma({ pages: 4 });
  await insertOwnModule(guest, 'verify_pte');
  await guest.succeed([
    'sh',
    '-c',
    `mkdir -p /mnt/left && mount -t tmpfs tmpfs /mnt/left
     mkdir /tmp/left && : > /tmp/left/file; : > /dev/shm/left
     echo 3 > /proc/sys/vm/nr_hugepages; echo 7 > /proc/sys/kernel/hung_task_timeout_secs
     echo always > /sys/kernel/mm/transparent_hugepage/enabled
     echo 'p:left do_exit' > /sys/kernel/tracing/kprobe_events; echo 1 > /sys/kernel/tracing/events/kprobes/enable
     env -i setsid sleep 1000 < /dev/null > /dev/null 2>&1 &`,
  ]);
  expect((await guest.shell(traces)).stdout).not.toBe(clean);
});

test('the next test has the same VM, and finds it as it was', async ({ vm, vfio }) => {
  expect(vm.start.how).toBe('reused');
  expect(await bootOf(vm)).toBe(boot);
  // Init may take a moment to see that a process which was killed has ended.
  await expect.poll(async () => (await vm.guest.shell(traces)).stdout).toBe(clean);
  // The device is free again.
  await expect(await vfio.mapDma({ pages: 4 })).toHaveUserBitCleared();
  expect(vm.start.notes?.join('\n')).toMatch(/module verify_pte is loaded/);
  await test
    .info()
    .attach('notes.txt', { body: vm.start.notes?.join('\n') ?? '', contentType: 'text/plain' });
});

test('a test puts another driver under the same name', async ({ vm, guest }) => {
  expect(vm.start.how).toBe('reused');
  await loadVfioDriver(guest, 'stock');
});

test('what cannot be undone has the VM booted anew, and says why', ({ vm, machine }) => {
  expect(vm.start.how).toBe('restored');
  expect(vm.start.notes?.join('\n')).toContain('module vfio_iommu_type1 is another one than before');
  expect(machine.died.aborted).toBe(false);
});

test.describe('a guest that panics', () => {
  test.use({ kernelReports: { expect: [{ kind: 'panic' }] } });

  test('is the end of that VM', async ({ vm, guest }) => {
    boot = await bootOf(vm);
    await insertOwnModule(guest, 'kernel_reports');
    await guest.shell('echo panic > /proc/kernel_reports', { timeoutMs: 10_000 }).catch(() => undefined);
  });

  test.describe('the next one', () => {
    test.use({ kernelReports: {} });

    test('has another', async ({ vm }) => {
      expect(vm.start.how).toBe('restored');
      expect(await vm.guest.succeed(['cat', '/proc/modules'])).not.toContain('kernel_reports');
    });
  });
});

test('a test that asks for another machine has one', async ({ vm, guest }) => {
  expect(vm.start.how).toBe('reused');
  expect((await guest.succeed(['nproc'])).trim()).toBe('2');
});

test.describe('another machine', () => {
  test.use({ machineOptions: { vcpus: 1 } });

  test('is not the one that the worker had', async ({ vm, guest }) => {
    expect((await guest.succeed(['nproc'])).trim()).toBe('1');
    expect(vm.start.notes?.join('\n')).toContain('another machine was asked for');
    // One at a time: the one before it has ended.
    const run = vm.machine.runFolder;
    expect((await readdir(`${run}/..`)).filter((name) => name.startsWith('vm-'))).toHaveLength(1);
  });
});
