import { mkdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test as base } from '@playwright/test';
import { dir } from 'tmp-promise';

import { snapshotIdentity, type SnapshotSubject } from '../../../../lib/machine/snapshot/index.js';

const test = base.extend<{ subject: SnapshotSubject; folder: string }>({
  folder: async ({}, use) => {
    const folder = await dir({ unsafeCleanup: true });
    await use(folder.path);
    await folder.cleanup();
  },
  subject: async ({ folder }, use) => {
    const file = (name: string): string => path.join(folder, name);
    await mkdir(file('image'));
    for (const name of ['launch.sh', 'qemu', 'image/vmlinux', 'image/initrd'])
      await writeFile(file(name), `the ${name} `);
    await use({
      plan: {
        script: file('launch.sh'),
        memory: '1g',
        vcpus: 2,
        environment: { E2E_IMAGE: file('image'), E2E_ACCEL: 'tcg', E2E_CPU: 'max' },
        debug: false,
      },
      qemu: file('qemu'),
      usesHostCpu: false,
    });
  },
});

test('the same machine has the same identity, in whatever order its variables stand', async ({ subject }) => {
  const { plan } = subject;
  const turned = Object.fromEntries(Object.entries(plan.environment).reverse());
  expect(await snapshotIdentity({ ...subject, plan: { ...plan, environment: turned } })).toBe(
    await snapshotIdentity(subject),
  );
});

const changes: [what: string, change: (subject: SnapshotSubject) => SnapshotSubject][] = [
  ['memory', (subject) => ({ ...subject, plan: { ...subject.plan, memory: '2g' } })],
  ['vCPUs', (subject) => ({ ...subject, plan: { ...subject.plan, vcpus: 1 } })],
  ['working folder', (subject) => ({ ...subject, plan: { ...subject.plan, workingFolder: '/' } })],
  ['accelerator', (subject) => withVariable(subject, 'E2E_ACCEL', 'kvm')],
  ['CPU', (subject) => withVariable(subject, 'E2E_CPU', 'qemu64')],
  ['kernel arguments', (subject) => withVariable(subject, 'E2E_APPEND', 'nosmp')],
  ['the host, if its CPU is used', (subject) => ({ ...subject, usesHostCpu: true })],
];
for (const [what, change] of changes) {
  test(`another identity with another: ${what}`, async ({ subject }) => {
    expect(await snapshotIdentity(change(subject))).not.toBe(await snapshotIdentity(subject));
  });
}

for (const name of ['launch.sh', 'qemu', 'image/initrd', 'image/vmlinux']) {
  test(`another identity when the content of ${name} changes, not when it is only touched`, async ({
    subject,
    folder,
  }) => {
    const file = path.join(folder, name);
    const before = await snapshotIdentity(subject);
    await utimes(file, 1, 1);
    expect(await snapshotIdentity(subject)).toBe(before);
    await writeFile(file, `THE ${name} `);
    await utimes(file, 1, 1);
    expect(await snapshotIdentity(subject)).not.toBe(before);
  });
}

test('another identity when a file is added to the image', async ({ subject, folder }) => {
  const before = await snapshotIdentity(subject);
  await writeFile(path.join(folder, 'image', 'added'), '');
  expect(await snapshotIdentity(subject)).not.toBe(before);
});

function withVariable(subject: SnapshotSubject, name: string, value: string): SnapshotSubject {
  const { plan } = subject;
  return { ...subject, plan: { ...plan, environment: { ...plan.environment, [name]: value } } };
}
