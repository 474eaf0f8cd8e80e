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
function setup(
  bin: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ exitCode?: number; stderr: string; stdout: string }> {
  return execa('scripts/setup.sh', [], { reject: false, extendEnv: false, env: { PATH: bin, ...env } });
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

for (const [name, osRelease, words] of [
  [
    'Fedora Linux 41',
    'ID=fedora',
    /^setup: Fedora Linux 41: install what is missing: sudo dnf install .*openssh-clients qemu-system-x86-core .*util-linux xz$/m,
  ],
  [
    'Rocky Linux 9',
    'ID="rocky"\nID_LIKE="rhel centos fedora"',
    /^setup: Rocky Linux 9: .* sudo dnf install /m,
  ],
  [
    'Arch Linux',
    'ID=arch',
    /^setup: Arch Linux: .* sudo pacman -S --needed .*openssh qemu-system-x86 .*xz$/m,
  ],
  ['NixOS 24.11', 'ID=nixos', /^setup: NixOS 24\.11: .* nix-shell -p .*gnutar.* openssh qemu .*xz$/m],
  [
    'Some Linux',
    'ID=some',
    /^setup: Some Linux has no apt-get; .* under your distribution's names: .*qemu-system-x86/m,
  ],
] as const) {
  test(`${name}, which has no apt, is told what is needed in its own names`, async ({}, testInfo) => {
    const bin = await hostWith(testInfo.outputPath(), [...tools, 'paste'], 0);
    const file = testInfo.outputPath('os-release');
    await writeFile(file, `PRETTY_NAME="${name}"\n${osRelease}\n`);
    const { exitCode, stderr } = await setup(bin, { E2E_OS_RELEASE: file });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(words);
    // Guests are built in a root of the project's own.
    expect(stderr).not.toMatch(/gcc|make/);
  });
}

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
