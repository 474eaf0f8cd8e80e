import { mkdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test as base } from '@playwright/test';
import { dir } from 'tmp-promise';

import { defaultMachineOptions } from '../../../../lib/machine/options.js';
import type { LaunchPlan } from '../../../../lib/machine/plan/launch-plan.js';
import { referencePlan } from '../../../../lib/machine/plan/reference-plan.js';
import { snapshotIdentity, snapshotSubject } from '../../../../lib/machine/snapshot/index.js';

interface Machine {
  readonly plan: LaunchPlan;
  readonly usesHostCpu: boolean;
}

const test = base.extend<{ machine: Machine; folder: string }>({
  folder: async ({}, use) => {
    const folder = await dir({ unsafeCleanup: true });
    await use(folder.path);
    await folder.cleanup();
  },
  machine: async ({ folder }, use) => {
    const file = (name: string): string => path.join(folder, name);
    await mkdir(file('image'));
    for (const name of ['launch.sh', 'qemu', 'image/vmlinux', 'image/initrd'])
      await writeFile(file(name), `the ${name} `);
    const image = { folder: file('image'), initrd: file('image/initrd') };
    const qemu = file('qemu');
    const plan = referencePlan(qemu, image, defaultMachineOptions, 'tcg');
    await use({ plan: { ...plan, program: file('launch.sh') }, usesHostCpu: false });
  },
});

test('the same machine has the same identity, in whatever order its variables stand', async ({ machine }) => {
  const turned = withPlan(machine, (plan) => ({
    invocation: (...given) => {
      const { args, environment } = plan.invocation(...given);
      return { args, environment: Object.fromEntries(Object.entries(environment).reverse()) };
    },
  }));
  expect(await identityOf(turned)).toBe(await identityOf(machine));
});

const changes: [what: string, change: (plan: LaunchPlan) => Partial<LaunchPlan>][] = [
  ['memory', () => ({ memory: '2g' })],
  ['vCPUs', () => ({ vcpus: 1 })],
  ['working folder', () => ({ workingFolder: '/' })],
  ['accelerator', ({ shape }) => ({ shape: { cpu: 'max', ...shape, accel: 'kvm' } })],
  ['CPU', ({ shape }) => ({ shape: { accel: 'tcg', ...shape, cpu: 'qemu64' } })],
  ['kernel arguments', () => ({ shape: { accel: 'tcg', cpu: 'max,la57=off', kernelArguments: 'nosmp' } })],
  ['variables', () => ({ environment: { E2E_ODD: '1' } })],
];
test('another identity with the host, if its CPU is used', async ({ machine }) => {
  expect(await identityOf({ ...machine, usesHostCpu: true })).not.toBe(await identityOf(machine));
});
for (const [what, change] of changes) {
  test(`another identity with another: ${what}`, async ({ machine }) => {
    expect(await identityOf(withPlan(machine, change))).not.toBe(await identityOf(machine));
  });
}

for (const name of ['launch.sh', 'qemu', 'image/initrd', 'image/vmlinux']) {
  test(`another identity when the content of ${name} changes, not when it is only touched`, async ({
    machine,
    folder,
  }) => {
    const file = path.join(folder, name);
    const before = await identityOf(machine);
    await utimes(file, 1, 1);
    expect(await identityOf(machine)).toBe(before);
    await writeFile(file, `THE ${name} `);
    await utimes(file, 1, 1);
    expect(await identityOf(machine)).not.toBe(before);
  });
}

function identityOf({ plan, usesHostCpu }: Machine): Promise<string> {
  return snapshotIdentity(snapshotSubject(plan, usesHostCpu));
}

function withPlan({ plan, ...rest }: Machine, change: (plan: LaunchPlan) => Partial<LaunchPlan>): Machine {
  return { ...rest, plan: { ...plan, ...change(plan) } };
}
