import { clearPageUser, defineStack, expect, type StackDescription, test } from '../../fixtures/index.js';

/** No script, another machine than the reference launcher's: another device, in another slot, and a vCPU less. */
const commandLine = defineStack({
  name: 'command-line',
  program: 'qemu-system-x86_64',
  guest: 'reference',
  takes: ['memory', 'vcpus', 'cpu'],
  defaults: { memory: '768m', vcpus: 1 },
  boot: [
    { awaited: 'the kernel', pattern: /Linux version/ },
    { awaited: "the guest's services", pattern: /e2e: ready/ },
  ],
  arguments: ({ memory, vcpus, cpu = 'max,la57=off', ports, kernel, initrd }) => [
    ...['-nodefaults', '-display', 'none', '-machine', 'q35,kernel-irqchip=split', '-cpu', cpu],
    ...['-m', memory, '-smp', String(vcpus)],
    ...['-device', 'intel-iommu,intremap=on,caching-mode=on'],
    ...['-kernel', kernel, '-initrd', initrd],
    ...['-append', 'console=ttyS0 net.ifnames=0 intel_iommu=on iommu=nopt no_timer_check log_buf_len=16M'],
    ...['-netdev', `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${ports.ssh}-:22`],
    ...['-device', 'virtio-net-pci,netdev=net,romfile=,disable-legacy=on,iommu_platform=on,packed=on'],
    ...['-device', 'e1000e,romfile=,addr=07.0'],
    ...['-serial', 'stdio', '-monitor', `tcp:127.0.0.1:${ports.monitor},server,nowait`],
  ],
});

test.use({ launchStack: commandLine });
// Booted for each test, on a busy host.
test.describe.configure({ timeout: 120_000 });

test('a QEMU command line without a script is a stack: its driver is judged as on any other', async ({
  vfio,
  machine,
  guest,
  kernelLog,
}) => {
  expect(machine.vcpus).toBe(1);
  expect((await guest.succeed(['nproc'])).trim()).toBe('1');
  const mapping = await vfio.mapDma({ pages: 3 });
  await expect(mapping).toHaveChange(clearPageUser, kernelLog);
});

test('a debugger, symbols come with it', async ({ attachDebugger, machine }) => {
  const gdb = await attachDebugger();
  expect((await machine.status()).running).toBe(false);
  expect(await gdb.registers()).toBeDefined();
});

test('what its command line does not heed is refused, not ignored', async ({ launch }) => {
  await expect(launch({ kernelArguments: 'nosmp' })).rejects.toThrow(
    /The stack 'command-line' cannot give a machine kernelArguments: "nosmp": of machineOptions it takes memory, vcpus, cpu/,
  );
});

test('a description that is none is refused at the door', () => {
  const wrong = { name: 'x', program: 'true', argument: () => [], guest: 'referense' };
  expect(() => defineStack(wrong as unknown as StackDescription)).toThrow(
    /defineStack: stack\.arguments is missing; .*guest must be one of reference.*; .*argument is not known: did you mean 'arguments'/,
  );
});
