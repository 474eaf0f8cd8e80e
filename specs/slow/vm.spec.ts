import { execFile } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from '@playwright/test';

import { readEnvironment } from '../../fixtures/environment.js';
import { specKernels } from '../../fixtures/stacks/spec-kernels.js';
import { readKernelFile } from '../../lib/image/kernel/kernel-file.js';
import { makeStandInCheckout } from '../../scripts/stand-in/make-checkout.js';
import { standIn } from '../framework/support/resume.js';
import { processesWithTag } from '../unit/machine/support/traces.js';

const run = promisify(execFile);
const environment = readEnvironment(process.env);
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

for (const { stack, buildMs, prepare } of [
  {
    stack: 'hybrid',
    buildMs: 45 * 60_000,
    prepare: async () => {
      const { bzImage } = (await specKernels(environment, progress)).patched;
      return { kernel: bzImage, variables: { E2E_KERNEL: bzImage } };
    },
  },
  {
    stack: 'opentdx',
    buildMs: 15 * 60_000,
    prepare: async () => {
      const root = test.info().outputPath('open-tdx');
      await makeStandInCheckout(root, { environment, qemu: 'tcg', progress });
      const variables = { OPENTDX_ROOT: root, E2E_WRAP_QEMU: '1', E2E_MEMORY: '1g', E2E_VCPUS: '2' };
      return { kernel: path.join(root, 'linux-l1/arch/x86/boot/bzImage'), variables };
    },
  },
]) {
  test(`npm run vm -- --stack ${stack} gives a VM with that kernel, of which nothing is left`, async () => {
    test.setTimeout(buildMs);
    const { kernel, variables } = await prepare();
    const vm = await standIn('scripts/vm.ts', ['--stack', stack], variables, 'pipe');
    const { child, said, lineOf, stderr, tag } = vm;
    try {
      expect(said, child.exitCode === null ? said : await stderr).toContain(`The ${stack} machine is up`);
      const ssh = await run('sh', ['-c', `${lineOf('ssh')} uname -r`]);
      expect(ssh.stdout.trim()).toBe((await readKernelFile(kernel)).release);
      for (const way of ['monitor', 'gdb', 'walk']) expect(lineOf(way), way).not.toBe('');
    } finally {
      child.stdin?.end();
      if (child.exitCode === null) await once(child, 'exit');
    }
    expect(child.exitCode, await stderr).toBe(0);
    await expect.poll(() => processesWithTag(tag), 'nothing is left of it').toEqual([]);
  });
}
