import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, test as base } from '../../fixtures/index.js';
import type { Stack } from '../../fixtures/stacks/stack.js';
import { bootGuest } from '../../fixtures/vm/boot.js';
import { BootFailure } from '../../lib/machine/boot-story/index.js';
import { defaultMachineOptions, type MachineOptions } from '../../lib/machine/options.js';
import type { LaunchPlan } from '../../lib/machine/plan/launch-plan.js';
import { faultingFirmware } from './samples/boot/faulting-firmware.js';

const samples = path.join(import.meta.dirname, 'samples/boot');

interface Attempt {
  readonly options?: Partial<MachineOptions>;
  /** Changes of the launch plan. */
  readonly plan?: Partial<LaunchPlan>;
}

interface BootFixtures {
  /** A folder of this test's own. */
  folder: string;
  /** Boots a machine that will not become ready: how it failed. */
  failure: (attempt: Attempt) => Promise<BootFailure>;
}

const test = base.extend<BootFixtures>({
  folder: async ({}, use) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'boot-failure-'));
    await use(folder);
    await rm(folder, { recursive: true });
  },
  failure: async ({ stack }, use, testInfo) => {
    let failure: BootFailure | undefined;
    await use(async (attempt) => {
      failure = await failedBoot(stack, testInfo.outputPath('console.log'), attempt);
      return failure;
    });
    await testInfo.attach('boot-story.txt', { body: failure?.story ?? 'none', contentType: 'text/plain' });
  },
});

async function failedBoot(stack: Stack, consoleLog: string, attempt: Attempt): Promise<BootFailure> {
  const machineOptions = { ...defaultMachineOptions, accel: 'tcg', ...attempt.options } as const;
  const { plan } = await stack.plan(machineOptions);
  const changed: LaunchPlan = {
    ...plan,
    ...attempt.plan,
  };
  const outcome = await bootGuest(stack, changed, {
    title: 'The machine',
    consoleLog,
    machineOptions,
  }).then(
    async (booted) => {
      await booted.machine.stop();
      return 'it booted';
    },
    (error: unknown) => error,
  );
  if (outcome instanceof BootFailure) return outcome;
  throw new Error(`A BootFailure was expected, not: ${String(outcome)}`);
}

function stagesOf({ facts }: BootFailure): string[] {
  return facts.stages.map(({ name }) => name);
}

/** How long a machine was let alone after its last sign of life: a stall's budget, and what finding out why may take. */
function waitedInVain({ facts }: BootFailure): number {
  return facts.elapsedMs - (facts.stages.at(-1)?.atMs ?? 0);
}

// A cold boot on a busy machine, and the stall budget of 20 s.
test.describe.configure({ timeout: 180_000 });

test('a kernel that is not there', async ({ failure }) => {
  const { verdict, facts } = await failure({ plan: { kernel: '/nowhere/vmlinux' } });
  expect(verdict).toMatch(/^launcher exited 1: .*\/nowhere\/vmlinux: no such file/);
  expect(facts.stages.map(({ name }) => name)).toEqual(['launcher started']);
});

test('a kernel that is none', async ({ failure, folder }) => {
  const kernel = path.join(folder, 'vmlinux');
  await writeFile(kernel, 'This is not a kernel.');
  const { verdict } = await failure({ plan: { kernel } });
  expect(verdict).toMatch(/^QEMU exited 1: .*kernel/);
});

test('a launch script that is not there', async ({ failure }) => {
  const { verdict } = await failure({ plan: { program: '/nowhere/launch-opentdx.sh' } });
  expect(verdict).toMatch(/^the launcher could not be started: .*ENOENT/);
});

test('a kernel without an init panics', async ({ failure }) => {
  const failed = await failure({ options: { kernelArguments: 'rdinit=/nowhere/init' } });
  expect(failed.verdict).toMatch(/^guest panicked: VFS: Unable to mount root fs/);
  expect(stagesOf(failed)).toEqual(['launcher started', 'QEMU alive', 'the kernel']);
  expect(failed.message).toContain('Kernel panic - not syncing');
  // The kernel's own place, by name, from a guest that cannot be asked.
  expect(failed.message).toMatch(/vCPU \d: \S*panic\S*\+0x|vCPU \d: delay\S*\+0x|vCPU \d: \w+\+0x/);
});

test('an init that hangs idle', async ({ failure }) => {
  const failed = await failure({ options: { kernelArguments: 'rdinit=/bin/sleep -- 10000' } });
  expect(failed.verdict).toMatch(
    /^init hangs: \/bin\/sleep was started, and then kernel stopped in .+ \(idle\).* for [2-9]\d s$/,
  );
  expect(stagesOf(failed).at(-1)).toBe('the kernel');
  expect(waitedInVain(failed)).toBeLessThan(60_000);
});

test('an init that spins', async ({ failure }) => {
  const failed = await failure({
    options: { kernelArguments: 'rdinit=/bin/sh -- -c "while :; do :; done"' },
  });
  expect(failed.verdict).toMatch(
    /^init hangs: \/bin\/sh was started, and then kernel stopped in .*user mode at 0x.+ for [2-9]\d s$/,
  );
});

test('a firmware that triple-faults', async ({ failure, folder }) => {
  const firmware = path.join(folder, 'firmware.bin');
  await writeFile(firmware, faultingFirmware());
  const failed = await failure({
    plan: {
      qemu: path.join(samples, 'qemu-faulting-firmware.sh'),
      environment: { SAMPLE_FIRMWARE: firmware },
    },
  });
  expect(failed.verdict).toMatch(/^firmware resets in a loop: \d+ resets in .+, by triple fault$/);
  expect(waitedInVain(failed)).toBeLessThan(10_000);
});

test('a port that somebody else has', async ({ failure }) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as { port: number };
    const { verdict } = await failure({
      plan: {
        program: path.join(samples, 'occupied-port.sh'),
        environment: { SAMPLE_PORT: String(port) },
      },
    });
    expect(verdict).toMatch(/^QEMU exited 1: port .* is occupied/);
    expect(verdict).toContain(String(port));
  } finally {
    server.close();
  }
});

test('a full disk under the RAM file', async ({ failure, folder }) => {
  test.skip(process.getuid?.() !== 0, 'only root can mount a small file system');
  const disk = path.join(folder, 'disk');
  await mkdir(disk);
  // Root of a container need not be allowed to.
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'e2e-full-disk', disk], {
    encoding: 'utf8',
  });
  test.skip(
    mounted.stderr.includes('permission denied'),
    'no file system can be mounted here: permission denied',
  );
  expect(mounted.status, mounted.stderr).toBe(0);
  try {
    const { verdict } = await failure({
      plan: { ram: { file: path.join(disk, 'ram'), shared: true } },
    });
    expect(verdict).toMatch(/^QEMU (was ended by SIGBUS|exited 1): .*(disk .* is full|no space left)/i);
  } finally {
    execFileSync('umount', [disk]);
  }
});

test('a launch script that ends well and leaves no VM', async ({ failure }) => {
  const { verdict } = await failure({ plan: { program: path.join(samples, 'exits-at-once.sh') } });
  expect(verdict).toMatch(/^launcher exited 0 without a VM/);
  expect(verdict).toContain('Launched.');
});

test('a launch script that opens no monitor', async ({ failure }) => {
  const failed = await failure({ plan: { program: path.join(samples, 'no-monitor.sh') } });
  expect(failed.verdict).toMatch(
    /^QEMU runs and opens no human monitor that a program can connect to: .* -monitor tcp:127\.0\.0\.1/,
  );
  expect(stagesOf(failed)).toEqual(['launcher started']);
});

test('a user who may not use KVM', async ({ failure, folder }) => {
  test.skip(process.getuid?.() !== 0, 'only root can run QEMU as somebody else');
  await chmod(folder, 0o755);
  const { verdict } = await failure({
    plan: { qemu: path.join(samples, 'qemu-as-nobody.sh'), shape: { accel: 'kvm', cpu: 'qemu64' } },
  });
  expect(verdict).toMatch(/^QEMU exited 1: (no permission on \/dev\/kvm|KVM cannot be used)/);
});

test('an ssh server that never listens', async ({ failure, folder, stack }) => {
  const initrd = path.join(folder, 'initrd');
  await initrdWithoutSsh(initrd, (await stack.plan(defaultMachineOptions)).plan, folder);
  const failed = await failure({ plan: { initrd } });
  expect(failed.verdict).toMatch(/^ssh refused \(.*\) since [\d.]+ s after the launch/);
  expect(stagesOf(failed).at(-1)).toBe("the guest's services");
});

/** The reference initramfs with an inittab that starts no ssh server: the kernel unpacks one archive after the other. */
async function initrdWithoutSsh(file: string, plan: LaunchPlan, folder: string): Promise<void> {
  const root = path.join(folder, 'overlay');
  await mkdir(path.join(root, 'etc'), { recursive: true });
  await writeFile(path.join(root, 'etc/inittab'), '::sysinit:/etc/rc\n');
  const archive = execFileSync('cpio', ['--create', '--format=newc', '--quiet'], {
    cwd: root,
    input: 'etc\netc/inittab\n',
  });
  const original = plan.initrd ?? '';
  execFileSync('sh', ['-c', 'cat "$1" > "$2"', 'sh', original, file]);
  await writeFile(file, archive, { flag: 'a' });
}
