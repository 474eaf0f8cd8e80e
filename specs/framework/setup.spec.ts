import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';
import { execa } from 'execa';

/** What setup.sh needs of the host beside what it checks for. */
const tools = ['bash', 'dirname', 'sed', 'uname', 'sort', 'cmp', 'node', 'env'];

/** A folder that is a PATH with these tools, and `id` saying who runs. */
async function hostWith(folder: string, commands: readonly string[], uid: number): Promise<string> {
  const bin = path.join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  for (const command of commands) {
    const { stdout } = await execa('which', [command]);
    await symlink(stdout, path.join(bin, command));
  }
  await writeFile(path.join(bin, 'id'), `#!/bin/sh\necho ${uid}\n`);
  await chmod(path.join(bin, 'id'), 0o755);
  return bin;
}

/** Runs setup.sh on such a host. Its own additions to the PATH (/usr/sbin) stay: they hold none of the tools that are left out. */
function setup(bin: string): Promise<{ exitCode?: number; stderr: string; stdout: string }> {
  return execa('scripts/setup.sh', [], { reject: false, extendEnv: false, env: { PATH: bin } });
}

test('an ordinary user without sudo is told the exact apt-get line', async ({}, testInfo) => {
  const bin = await hostWith(testInfo.outputPath(), [...tools, 'apt-get', 'gcc', 'make'], 1000);
  const { exitCode, stderr } = await setup(bin);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /neither root nor password-less sudo .* Run: sudo apt-get install --no-install-recommends .*qemu-system-x86/,
  );
  expect(stderr).not.toMatch(/linux-image|grub/);
});

test('a distribution without apt is told what is needed', async ({}, testInfo) => {
  const bin = await hostWith(testInfo.outputPath(), [...tools, 'gcc'], 0);
  const { exitCode, stderr } = await setup(bin);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/no apt-get; install what these Debian packages hold.*: .*qemu-system-x86/);
  // Guests are built in a root of the project's own.
  expect(stderr).not.toMatch(/gcc|make/);
});

test('a missing Node is named', async ({}, testInfo) => {
  const bin = await hostWith(
    testInfo.outputPath(),
    tools.filter((tool) => tool !== 'node'),
    0,
  );
  const { exitCode, stderr } = await setup(bin);
  expect(exitCode).toBe(1);
  expect(stderr).toContain('install Node.js 20 or newer');
});

test('nothing is done, and nothing said, when nothing is missing', async () => {
  const { exitCode, stdout, stderr } = await execa('scripts/setup.sh');
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '', stderr: '' });
});
