import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';

import type { RunSummary } from '../../fixtures/reporters/summary/model.js';

const root = path.resolve(import.meta.dirname, '../..');

// A Playwright of its own per test, on a busy machine.
test.describe.configure({ timeout: 120_000 });

interface Ended {
  readonly code: number;
  readonly output: string;
  readonly lastLine: string;
}

/** What `npm run e2e` does once its packages are there. */
function e2e(
  args: readonly string[],
  variables: NodeJS.ProcessEnv,
  before: readonly string[] = [],
): Promise<Ended> {
  const summary = test.info().outputPath('summary.json');
  const output = test.info().outputPath('out');
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    FORCE_COLOR: '0',
    E2E_SUMMARY_FILE: summary,
    ...variables,
  };
  // Set by the Playwright that runs this: the inner one is no worker of it.
  for (const name of ['TEST_WORKER_INDEX', 'TEST_PARALLEL_INDEX']) Reflect.deleteProperty(env, name);
  const script = path.join(root, 'scripts/run-with-verdict.sh');
  const own = ['test', '--reporter=line', `--output=${output}`];
  const [command = script, ...rest] = [...before, script, ...own, ...args];
  return new Promise((resolve) => {
    execFile(command, rest, { env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const lines = stdout.trimEnd().split('\n');
      const code = error ? Number(error.code) : 0;
      resolve({ code, output: stdout + stderr, lastLine: lines.at(-1) ?? '' });
    });
  });
}

const reference = ['--project=reference', 'specs/vfio/clear-page-user.spec.ts'];

for (const { variables, args = reference, says } of [
  {
    variables: { E2E_QEMU: '/nonexistent' },
    says: /InfrastructureError: There is no \/nonexistent .*set E2E_QEMU/,
  },
  { variables: { E2E_QEMU: 'no-such-qemu' }, says: /There is no no-such-qemu on the PATH: .*E2E_QEMU/ },
  { variables: { E2E_QEMU: '/bin/true' }, says: /\/bin\/true is no QEMU that runs here: .*E2E_QEMU/ },
  // One value for all: specs/unit/environment has the others.
  {
    variables: { E2E_ACCEL: 'kmv' },
    says: /E2E_ACCEL must be one of auto, kvm, tcg, not "kmv": did you mean 'kvm'\?/,
  },
  { variables: { E2E_ACEL: 'kvm' }, says: /E2E_ACEL is not known: did you mean 'E2E_ACCEL'\?/ },
  {
    variables: { E2E_FAULT: 'wrong-bit-x' },
    says: /E2E_FAULT must be one of .*: did you mean 'wrong-bit-w'\?/,
  },
  { variables: { E2E_DEBIAN_KEYRING: '/nonexistent' }, says: /E2E_DEBIAN_KEYRING cannot be read: .*ENOENT/ },
  {
    variables: {},
    args: [...reference, '--output=/proc/nope'],
    says: /the output folder \/proc\/nope is not there and cannot be made: .*--output/,
  },
  {
    variables: { E2E_CACHE_DIR: '/proc/nope' },
    says: /The cache folder \/proc\/nope cannot be used: ENOENT.*E2E_CACHE_DIR/,
  },
  {
    variables: { E2E_CACHE_DIR: '/etc/passwd' },
    says: /The cache folder \/etc\/passwd cannot be used: .*E2E_CACHE_DIR/,
  },
  {
    variables: { E2E_CACHE_DIR: '/etc/passwd/a/b' },
    says: /The cache folder \/etc\/passwd\/a\/b cannot be used: .*E2E_CACHE_DIR/,
  },
  { variables: { TMPDIR: '/proc' }, says: /the temp folder \/proc .*TMPDIR/ },
  { variables: { TMPDIR: '/etc/passwd' }, says: /the temp folder \/etc\/passwd .*TMPDIR/ },
  {
    variables: { E2E_KERNEL: '/nonexistent' },
    args: ['--project=hybrid', 'specs/vfio/unmap.spec.ts'],
    says: /\/nonexistent/,
  },
  {
    variables: { OPENTDX_ROOT: '/nonexistent' },
    args: ['--project=opentdx', 'specs/opentdx/l1.spec.ts'],
    says: /\/nonexistent/,
  },
  { variables: {}, args: ['--project=reference', 'specs/vfio/no-such.spec.ts'], says: /No tests found/ },
  { variables: {}, args: ['--project=refrence'], says: /the run did not begin/ },
] as { variables: Record<string, string>; args?: string[]; says: RegExp }[]) {
  const what = [
    ...Object.entries(variables).map((pair) => pair.join('=')),
    ...(args === reference ? [] : args),
  ];
  test(`125, and the last line says why: ${what.join(' ')}`, async () => {
    const { code, output, lastLine } = await e2e(args, variables);
    expect(lastLine).toMatch(/^No verdict about the kernel \(exit code 125\): /);
    expect(lastLine).toMatch(says);
    expect(code).toBe(125);
    // Told once, and then as the last line.
    const cause = lastLine.slice(lastLine.indexOf('): ') + 3);
    expect(output.split(cause).length - 1).toBeLessThanOrEqual(2);
  });
}

test('a cache without space is told, and nothing is built', async () => {
  const mount = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs -o size=4k none /mnt && exec "$@"', 'sh'];
  test.skip(process.getuid?.() !== 0, 'a full file system can be made by root only');
  const { code, lastLine } = await e2e(reference, { E2E_CACHE_DIR: '/mnt/cache' }, mount);
  expect(lastLine).toMatch(/The cache folder \/mnt\/cache cannot be used: ENOSPC/);
  expect(code).toBe(125);
});

test('a spec that is no TypeScript is no verdict', async () => {
  const folder = test.info().outputPath('specs');
  await mkdir(folder, { recursive: true });
  const summary = path.join(root, 'fixtures/reporters/summary.ts');
  await writeFile(
    path.join(folder, 'playwright.config.ts'),
    `export default { reporter: [[${JSON.stringify(summary)}]] };`,
  );
  await writeFile(path.join(folder, 'a.spec.ts'), 'this is not TypeScript');
  const { code, lastLine } = await e2e(['-c', folder], {});
  expect(lastLine).toMatch(/^No verdict about the kernel \(exit code 125\): SyntaxError: /);
  expect(code).toBe(125);
});

test('what cannot be made is told once, tried once, and what does not need it goes on', async () => {
  const attempts = test.info().outputPath('attempts');
  const config = path.join(root, 'specs/framework/samples/told-once');
  // Of its own: other runs make such folders, too.
  const temp = test.info().outputPath('temp');
  await mkdir(temp);
  const args = ['-c', config, '--workers=2', '--retries=1'];
  const { code, output, lastLine } = await e2e(args, { SAMPLE_ATTEMPTS: attempts, TMPDIR: temp });
  expect(code).toBe(125);
  expect(lastLine).toContain('The lamp cannot be built: buy glass.');
  const tried = (await readFile(attempts, 'utf8')).trim().split('\n');
  expect(tried.filter((what) => what === 'lamp')).toHaveLength(1);
  // Once it was made, what becomes of it is a test's own affair: it is made anew for each, and at each attempt.
  expect(tried.filter((what) => what === 'bench').length).toBeGreaterThan(2);
  const summary = JSON.parse(await readFile(test.info().outputPath('summary.json'), 'utf8')) as RunSummary;
  expect(summary.tests).toEqual({ passed: 2, failed: 2, flaky: 0, skipped: 5 });
  const [skip] = summary.skips;
  expect(summary.skips).toHaveLength(1);
  expect(skip).toEqual({
    reason: expect.stringMatching(
      /^not run, without a lamp: 'lamp.sample.ts › needs a lamp \d' tells why$/,
    ) as unknown,
    count: 5,
  });
  expect(output.match(/InfrastructureError: The lamp/g)).toHaveLength(2);
  expect(await runFolders(temp)).toEqual([]);
});

/** The folders that runs share among their workers, by the name that setup.ts gives them. */
async function runFolders(temp: string): Promise<string[]> {
  const owners = (await readdir(temp)).filter((name) => name.startsWith('opentdx-e2e-'));
  const inner = await Promise.all(owners.map((name) => readdir(path.join(temp, name)).catch(() => [])));
  return inner
    .flat()
    .filter((name) => name.startsWith('told-'))
    .sort();
}

test('a reference stack that cannot be had is told once, and the rest is over at once', async () => {
  const { code, output, lastLine } = await e2e(
    [
      '--project=reference',
      'specs/vfio/unmap.spec.ts',
      'specs/vfio/user-access.spec.ts',
      'specs/vfio/routes/table.spec.ts',
      '--workers=2',
    ],
    // Port 9 is that of `discard`: nothing listens there.
    {
      E2E_CACHE_DIR: test.info().outputPath('cache'),
      E2E_IMAGE_BUILDER: 'native',
      E2E_DEBIAN_ARCHIVE: 'http://127.0.0.1:9',
      E2E_DEBIAN_SNAPSHOT: 'http://127.0.0.1:9',
    },
  );
  expect(code).toBe(125);
  expect(lastLine).toContain('127.0.0.1:9');
  const cause = lastLine.slice(lastLine.indexOf('): ') + 3, lastLine.indexOf('): ') + 60);
  expect(output.split(cause)).toHaveLength(3);
  const { tests, failures, skips } = JSON.parse(
    await readFile(test.info().outputPath('summary.json'), 'utf8'),
  ) as RunSummary;
  expect(failures).toMatchObject([{ kind: 'infrastructure' }]);
  expect(tests.passed).toBe(1);
  expect(skips).toMatchObject([
    {
      reason: expect.stringContaining('not run, without the reference stack') as unknown,
      count: tests.skipped,
    },
  ]);
});
