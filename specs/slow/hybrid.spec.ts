import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { expect, test as base } from '@playwright/test';

import { readEnvironment } from '../../fixtures/environment.js';
import { referenceImage } from '../../fixtures/stacks/reference-image.js';
import { specKernels } from '../../fixtures/stacks/spec-kernels.js';
import type { ReferenceImage } from '../../lib/image/reference-image.js';
import type { SmallKernels } from '../../lib/image/small-kernel.js';
import { resume } from '../framework/support/resume.js';
import { type ProjectRun, runProject } from '../framework/support/run-project.js';

interface HybridFixtures {
  kernels: SmallKernels;
  image: ReferenceImage;
}

const environment = readEnvironment(process.env);
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

const test = base.extend<object, HybridFixtures>({
  kernels: [
    async ({}, use) => {
      await use(await specKernels(environment, progress));
    },
    { scope: 'worker', timeout: 45 * 60_000, title: 'small kernels' },
  ],
  image: [
    async ({}, use) => {
      await use(await referenceImage(environment, progress));
    },
    { scope: 'worker', timeout: 20 * 60_000, title: 'reference guest' },
  ],
});

// A Playwright of its own per test, which boots a kernel for the first time on a busy host.
test.describe.configure({ timeout: 600_000 });

function runHybrid(
  kernel: string,
  args: readonly string[],
  modules?: string,
  more: NodeJS.ProcessEnv = {},
): Promise<ProjectRun> {
  const variables = { E2E_KERNEL: kernel, E2E_KERNEL_MODULES: modules, ...more };
  return runProject('hybrid', test.info().outputPath(), args, variables);
}

test('a kernel with the patch in its tree is good', async ({ kernels }) => {
  const specs = ['clear-page-user', 'user-access', 'unmap'].map((name) => `specs/vfio/${name}.spec.ts`);
  const { summary, output } = await runHybrid(kernels.patched.bzImage, specs);
  expect(summary, output).toMatchObject({ verdict: 'good', skips: [], stacks: [{ name: 'hybrid' }] });
  expect(summary.tests.passed).toBeGreaterThan(5);
});

test('the same kernel as an ELF vmlinux is good too', async ({ kernels }) => {
  const { summary, output } = await runHybrid(kernels.patched.vmlinux, [
    'specs/vfio/clear-page-user.spec.ts',
  ]);
  expect(summary, output).toMatchObject({ verdict: 'good', tests: { passed: 1 } });
});

test('the same kernel without the patch is bad, and the pages, the bit and the entry are named', async ({
  kernels,
}) => {
  const { summary, output } = await runHybrid(kernels.stock.bzImage, ['specs/vfio/clear-page-user.spec.ts']);
  expect(summary, output).toMatchObject({ verdict: 'bad', exitCode: 1, tests: { passed: 0 } });
  expect(summary.failures.map(({ kind }) => kind)).toEqual(['assertion']);
  expect(output).toMatch(
    /The driver forgets all 4 pages: _PAGE_USER \(bit 2\) is still set in memory and the log says nothing/,
  );
  expect(output).toMatch(/<- _PAGE_USER \(bit 2\) is set/);
});

test("a failed machine with a kernel of the user's is kept, and goes on with that kernel", async ({
  kernels,
}) => {
  const specs = ['specs/vfio/clear-page-user.spec.ts'];
  const kept = { E2E_KEEP: 'failed' };
  const { output } = await runHybrid(kernels.stock.bzImage, specs, undefined, kept);
  const results = await readdir(test.info().outputPath('out'), { recursive: true });
  const file = results.find((name) => name.endsWith('kept-machine.tar'));
  expect(file, output).toBeDefined();
  const { child, said, lineOf, stderr } = await resume([test.info().outputPath('out', file ?? '')]);
  try {
    expect(said).toContain('Its guest answers.');
    const { stdout } = await promisify(execFile)('sh', ['-c', `${lineOf('ssh')} cat /proc/version`]);
    // The banner names whoever built it, and when: no other kernel has it.
    const image = (await readFile(kernels.stock.vmlinux)).toString('latin1');
    expect(stdout).toMatch(/^Linux version /);
    expect(image).toContain(stdout.trimEnd());
  } finally {
    child.kill('SIGINT');
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode, await stderr).toBe(0);
  }
});

test("the modules that are named are the guest's, not those of the reference guest", async ({ image }) => {
  // The reference guest's own modules, but for the driver, which is Debian's: of the same release, so that nothing but their place differs.
  const modules = test.info().outputPath('modules');
  await mkdir(modules);
  await promisify(execFile)('cpio', ['-id', '--quiet', '-F', image.initrd, 'lib/modules/*'], {
    cwd: modules,
  });
  const own = path.join(modules, 'lib/modules', image.kernelRelease);
  const driver = 'vfio_iommu_type1.ko';
  await copyFile(path.join(own, 'stock', driver), path.join(own, 'kernel/drivers/vfio', driver));
  const kernel = path.join(image.folder, 'bzImage');
  const { summary, output } = await runHybrid(kernel, ['specs/vfio/clear-page-user.spec.ts'], modules);
  expect(summary, output).toMatchObject({ verdict: 'bad', exitCode: 1 });
  expect(output).toContain('_PAGE_USER (bit 2) is set');
});

test('what a configuration lacks is named before anything boots', async ({ image }) => {
  const kernel = path.join(image.folder, 'bzImage');
  const { summary, output } = await runHybrid(kernel, ['specs/vfio/clear-page-user.spec.ts']);
  expect(summary, output).toMatchObject({ verdict: 'none', exitCode: 125, boots: { count: 0 } });
  expect(output).toMatch(
    /CONFIG_VFIO_IOMMU_TYPE1=m, and the guest has no module vfio_iommu_type1: .*E2E_KERNEL_MODULES/,
  );
  expect(output).toMatch(/scripts\/config .*-e VFIO_IOMMU_TYPE1/);
});

test('a spec that needs what the kernel lacks is skipped, and the reason is counted', async ({ image }) => {
  const folder = test.info().outputPath('boot');
  await mkdir(folder);
  const config = await readFile(path.join(image.folder, 'config'), 'utf8');
  const builtIn = config.replace(/^(CONFIG_\w+)=m$/gm, '$1=y');
  await writeFile(
    path.join(folder, 'config'),
    builtIn.replace('CONFIG_EVENT_TRACING=y', '# CONFIG_EVENT_TRACING is not set'),
  );
  await copyFile(path.join(image.folder, 'bzImage'), path.join(folder, 'bzImage'));
  const grep = ['specs/vfio/user-access.spec.ts', '--grep', 'a write to a cleared page'];
  const { summary, output } = await runHybrid(path.join(folder, 'bzImage'), grep);
  expect(summary, output).toMatchObject({ tests: { passed: 0, skipped: 1 }, boots: { count: 0 } });
  expect(summary.skips.map(({ count }) => count)).toEqual([1]);
  expect(summary.skips[0]?.reason).toContain('without CONFIG_EVENT_TRACING');
});
