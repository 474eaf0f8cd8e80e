import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, test as base } from '@playwright/test';

import {
  CheckoutError,
  checkoutParts,
  opensMonitor,
  describePart,
  requireCheckout,
  seamLoader,
} from '../../../../lib/machine/checkout/index.js';
import { forksScript, makeParts } from './checkout.js';

const test = base.extend<{ root: string }>({
  root: async ({}, use) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'checkout-spec-'));
    await makeParts(folder);
    await use(folder);
    await rm(folder, { recursive: true });
  },
});

async function refusal(
  root: string,
  purposes: Parameters<typeof requireCheckout>[1],
): Promise<CheckoutError> {
  const outcome = await requireCheckout(root, purposes).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof CheckoutError) return outcome;
  throw new Error(`A CheckoutError was expected, not: ${String(outcome)}`);
}

test('a checkout with every part is accepted for every purpose', async ({ root }) => {
  expect(await requireCheckout(root, ['l1', 'td', 'symbols', 'tools'])).toEqual([]);
});

for (const part of checkoutParts) {
  test(`without ${part.path} the error names it, and the remedy`, async ({ root }) => {
    await rm(path.join(root, part.path), { recursive: true });
    const { missing, message } = await refusal(root, [part.purpose]);
    // A folder takes the parts in it along.
    expect(missing.map(({ name }) => name)).toContain(part.path);
    for (const { name } of missing) expect(`${name}/`.startsWith(part.path)).toBe(true);
    expect(message).toContain(`${part.path}: ${part.what} is not there. Remedy: ${part.remedy}`);
    expect(message).toContain(root);
  });
}

test('of another project as OPENTDX_ROOT it is said that it is none, and no command for what is not there', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'checkout-spec-'));
  for (const folder of ['guest-tools', 'scripts', 'tests']) await mkdir(path.join(root, folder));
  await writeFile(path.join(root, 'setup-tdx-host.sh'), '#!/bin/sh\n');
  const { missing, message } = await refusal(root, ['l1', 'td', 'symbols', 'tools']);
  await rm(root, { recursive: true });
  expect(missing).toHaveLength(1);
  expect(message).toMatch(
    /is no open-tdx checkout: it has no launch-opentdx\.sh,.* but .*setup-tdx-host\.sh/,
  );
  expect(message).toContain('Set OPENTDX_ROOT to the root of an open-tdx checkout');
  expect(message).not.toMatch(/common\.sh -t|git submodule|run in it/);
});

test('without the SEAM loader the error names it, wherever its version has it', async ({ root }) => {
  await rm(path.join(root, seamLoader.folder), { recursive: true });
  const { message } = await refusal(root, ['l1']);
  expect(message).toContain(seamLoader.file);
  expect(message).toContain(seamLoader.remedy);
});

test('what is only for a TD does not keep L1 from being launched, and is told', async ({ root }) => {
  const others = checkoutParts.filter(({ purpose }) => purpose !== 'l1');
  for (const { path: part } of others) await rm(path.join(root, part), { recursive: true });
  const lacking = await requireCheckout(root, ['l1']);
  expect(lacking.map(({ name }) => name).sort()).toEqual(others.map(({ path: part }) => part).sort());
  for (const { path: part, what, remedy } of others)
    expect(lacking.map(describePart)).toContain(`${part}: ${what} is not there. Remedy: ${remedy}`);
});

test('an empty file, a folder in place of a file, and a script that cannot be run', async ({ root }) => {
  await writeFile(path.join(root, 'images/l1.img'), '');
  await rm(path.join(root, 'seabios/out/bios.bin'));
  await mkdir(path.join(root, 'seabios/out/bios.bin'));
  await chmod(path.join(root, 'launch-opentdx.sh'), 0o644);
  const { missing } = await refusal(root, ['l1']);
  expect(missing.map(({ name, problem }) => [name, problem])).toEqual([
    ['launch-opentdx.sh', 'the launch script is there, but this user may not run it'],
    ['seabios/out/bios.bin', "L1's BIOS is no file"],
    ['images/l1.img', "L1's root disk is empty"],
  ]);
});

test('a folder that is not there is all that is said', async ({ root }) => {
  const { missing } = await refusal(path.join(root, 'nowhere'), ['l1']);
  expect(missing.map(({ name }) => name)).toEqual(['OPENTDX_ROOT']);
});

test("a path that the script's eval would take apart is refused", async ({ root }) => {
  const odd = path.join(root, 'my checkout');
  await makeParts(odd);
  expect((await refusal(odd, ['l1'])).message).toContain('blank');
});

test("upstream's script, without a monitor of its own, is refused with what to do", async ({ root }) => {
  const upstream = forksScript.replace(/^qemu_str.*-monitor.*\n/m, '');
  expect([forksScript, upstream].map(opensMonitor)).toEqual(['seen', 'not seen']);
  await writeFile(path.join(root, 'launch-opentdx.sh'), upstream);
  const { message } = await refusal(root, ['l1']);
  expect(message).toContain('opens no monitor port');
  expect(message).toContain('-monitor tcp:127.0.0.1:$((debug_port + 100)),server,nowait');
});
