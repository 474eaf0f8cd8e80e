import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test as base } from '@playwright/test';
import { execa } from 'execa';

import { checkoutCommandLine } from '../machine/qemu-wrapper/checkout-command-line.js';

const script = path.resolve('scripts/stand-in/checkout/launch-opentdx.sh');
const lspci = `00:00.0 Host bridge: Intel Corporation 440FX
03:00.0 VGA compatible controller: Advanced Micro Devices, Inc. [AMD/ATI] Navi 31
03:00.1 Audio device: Advanced Micro Devices, Inc. [AMD/ATI] Navi 31 HDMI
`;

interface Launched {
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
  /** What sudo was asked to run; undefined when it was not run. */
  command: string[] | undefined;
}

interface Fixtures {
  /** A folder in which the script is run. */
  root: string;
  /** Runs the script with a sudo that notes what it is asked for, ends with `sudoExit`, and an lspci that knows `devices`. */
  launch: (
    args: readonly string[],
    options?: { env?: Record<string, string>; devices?: string; sudoExit?: number },
  ) => Promise<Launched>;
}

const test = base.extend<Fixtures>({
  root: async ({}, use, testInfo) => {
    const root = testInfo.outputPath('checkout');
    await mkdir(root, { recursive: true });
    await use(root);
  },
  launch: async ({ root }, use, testInfo) => {
    await use(async (args, { env = {}, devices = lspci, sudoExit = 0 } = {}) => {
      const bin = testInfo.outputPath('bin');
      await mkdir(bin, { recursive: true });
      // Its parent is still the script: QEMU is to be a child of it.
      const sudo = `#!/bin/sh
        printf '%s\\0' "$PWD" "$(readlink "/proc/$PPID/exe")" "$@" >&3
        exit ${sudoExit}`;
      await writeFile(path.join(bin, 'sudo'), sudo, { mode: 0o755 });
      await writeFile(path.join(bin, 'devices'), devices);
      await writeFile(path.join(bin, 'lspci'), `#!/bin/sh\ncat '${bin}/devices'\n`, { mode: 0o755 });
      const { exitCode, stdout, stderr, stdio } = await execa(script, args, {
        cwd: root,
        reject: false,
        extendEnv: false,
        env: { PATH: `${bin}:/usr/bin:/bin`, ...env },
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      });
      const noted = stdio[3];
      return { exitCode, stdout, stderr, command: noted === '' ? undefined : noted.split('\0').slice(0, -1) };
    });
  },
});

const usage = 'Usage: ';
const args = ['-m', '2g', '-s', '4', '-p', '20000', '-d', '21000'];

test.describe('runs QEMU of its working folder under sudo, as a child', () => {
  const modes = {
    plain: {},
    DEBUG: { debug: true },
    GPU: { gpu: '03:00.0' },
    'GPU and DEBUG': { gpu: '03:00.0', debug: true },
  };
  for (const [name, mode] of Object.entries(modes)) {
    test(`with the command line that users have: ${name}`, async ({ root, launch }) => {
      const env = { ...('debug' in mode ? { DEBUG: '1' } : {}), ...('gpu' in mode ? { GPU: '1' } : {}) };
      const { exitCode, stdout, command } = await launch(args, { env });
      const qemu = `${root}/qemu-l0/build/qemu-system-x86_64`;
      expect(command).toEqual([root, '/usr/bin/bash', qemu, ...checkoutCommandLine(root, mode)]);
      expect(exitCode).toBe(0);
      expect(stdout).toContain(`${qemu} -cpu host`);
    });
  }

  test('with the defaults', async ({ launch }) => {
    const { command } = await launch([]);
    const line = command?.join(' ');
    expect(line).toContain('-m 8g -smp 8');
    expect(line).toContain('hostfwd=tcp::10032-:22,hostfwd=tcp::10033-:10032,hostfwd=tcp::1235-:1234');
    expect(line).toContain('-monitor tcp:127.0.0.1:1334,server,nowait');
    expect(line).not.toContain('iommu');
    expect(command).not.toContain('-S');
  });

  test('whose exit code is its own', async ({ launch }) => {
    expect((await launch([], { sudoExit: 3 })).exitCode).toBe(3);
  });
});

test.describe('starts nothing and exits with 1', () => {
  test('for -h, with the usage', async ({ launch }) => {
    const { exitCode, stderr, command } = await launch(['-h']);
    expect(stderr).toContain(
      `${usage}${script} [-m mem=8g] [-s smp=8] [-p ssh_port=10032] [-d debug_port=1234]`,
    );
    expect({ exitCode, command }).toEqual({ exitCode: 1, command: undefined });
  });

  test('for an option that it does not have, named', async ({ launch }) => {
    const { exitCode, stderr, command } = await launch(['-m', '2g', '-x']);
    expect(stderr).toContain('Invalid option: -x');
    expect(stderr).toContain(usage);
    expect({ exitCode, command }).toEqual({ exitCode: 1, command: undefined });
  });

  for (const option of ['-m', '-s', '-p', '-d']) {
    test(`for ${option} without its value`, async ({ launch }) => {
      const { exitCode, stderr, command } = await launch([option]);
      expect(stderr).toContain(`Option ${option} needs a value`);
      expect({ exitCode, command }).toEqual({ exitCode: 1, command: undefined });
    });
  }

  test('when GPU is set and there is none', async ({ launch }) => {
    const devices = '00:02.0 VGA compatible controller: Intel Corporation UHD\n';
    const { exitCode, stderr, command } = await launch([], { env: { GPU: '1' }, devices });
    expect(stderr).toContain('lspci names no device of AMD');
    expect({ exitCode, command }).toEqual({ exitCode: 1, command: undefined });
  });
});
