import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, test as base } from '@playwright/test';

import { checkoutParts } from '../../lib/machine/checkout/index.js';
import { makeParts } from '../unit/machine/checkout/checkout.js';

const root = path.resolve(import.meta.dirname, '../..');

interface Diagnosis {
  readonly canRun: boolean;
  readonly checks: readonly { name: string; state: string; seen: string; remedy?: string }[];
}

interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
}

const test = base.extend<{ folder: string }>({
  folder: async ({}, use) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'doctor-spec-'));
    await use(folder);
    await rm(folder, { recursive: true });
  },
});

test.describe.configure({ timeout: 120_000 });

function doctor(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', path.join(root, 'scripts/doctor.ts'), ...args],
      { cwd: root, env: { ...process.env, ...env } },
      (_, stdout) => {
        resolve({ exitCode: child.exitCode ?? -1, stdout });
      },
    );
  });
}

async function diagnosis(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Outcome & Diagnosis> {
  const outcome = await doctor(['--json', ...args], env);
  return { ...outcome, ...(JSON.parse(outcome.stdout) as Diagnosis) };
}

function stateOf({ checks }: Diagnosis, name: string): string | undefined {
  return checks.find((check) => check.name === name)?.state;
}

test('says that the reference stack can run on a host where it runs', async () => {
  const found = await diagnosis(['--stack', 'reference']);
  expect(found.checks.filter(({ state }) => state === 'missing')).toEqual([]);
  expect(found).toMatchObject({ exitCode: 0, canRun: true });
});

test('a host without QEMU cannot run the reference stack, and the remedy names the package', async () => {
  const found = await diagnosis(['--stack', 'reference'], { E2E_QEMU: 'qemu-that-is-not-there' });
  expect(found).toMatchObject({ exitCode: 1, canRun: false });
  const qemu = found.checks.find(({ name }) => name === 'qemu-that-is-not-there');
  expect(qemu?.state).toBe('missing');
  expect(qemu?.remedy).toContain('qemu-system-x86');
  const { stdout } = await doctor(['--stack', 'reference'], { E2E_QEMU: 'qemu-that-is-not-there' });
  expect(stdout).toContain("cannot run here. Begin with 'qemu-that-is-not-there'");
});

test('names each part of an open-tdx checkout that is missing, and none that is there', async ({
  folder,
}) => {
  await makeParts(folder);
  const whole = await diagnosis(['--stack', 'opentdx'], { OPENTDX_ROOT: folder });
  const parts = ['OPENTDX_ROOT', ...checkoutParts.map((part) => part.path), 'seam-loader', 'monitor port'];
  for (const part of parts) expect(stateOf(whole, part), part).toBe('ready');

  for (const file of ['images/l1.img', 'seabios/out/bios.bin']) await rm(path.join(folder, file));
  await writeFile(path.join(folder, 'linux-l1/arch/x86/boot/bzImage'), '');
  const broken = await diagnosis([], { OPENTDX_ROOT: folder });
  expect(broken).toMatchObject({ exitCode: 1, canRun: false });
  for (const file of ['images/l1.img', 'seabios/out/bios.bin', 'linux-l1/arch/x86/boot/bzImage']) {
    expect(stateOf(broken, file), file).toBe('missing');
  }
});

test("upstream's launch script is recognised as one without a monitor", async ({ folder }) => {
  await writeFile(path.join(folder, 'launch-opentdx.sh'), '#!/bin/bash\nsudo $QEMU -nographic\n');
  const found = await diagnosis(['--stack', 'opentdx'], { OPENTDX_ROOT: folder });
  expect(stateOf(found, 'monitor port')).toBe('missing');
});

test('refuses arguments that it does not know', async () => {
  expect((await doctor(['--stack', 'nothing'])).exitCode).toBe(2);
  expect((await doctor(['--colour'])).exitCode).toBe(2);
});
