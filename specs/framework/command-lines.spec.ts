import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

import { expect, test } from '@playwright/test';

const root = path.resolve(import.meta.dirname, '../..');

interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { cwd: root, env: { ...process.env, ...env }, timeout: 50_000 };
    execFile(file, args, options, (error, stdout, stderr) => {
      const exitCode = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

for (const script of [
  'verdicts.ts',
  'kill-stress/index.ts',
  'fuzz.ts',
  'bench/index.ts',
  'cache.ts',
  'image.ts',
  'doctor.ts',
  'resume.ts',
  'vm.ts',
]) {
  test(`${script} says how it is called, and refuses what it does not know in a line`, async () => {
    const call = (...args: string[]): Promise<Outcome> =>
      run(process.execPath, ['--import', 'tsx', path.join(root, 'scripts', script), ...args]);
    const [help, unknown] = await Promise.all([call('--help'), call('--no-such-option')]);
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    expect(help.stdout).toMatch(/^usage: npm run \S+/);
    expect(unknown).toMatchObject({ exitCode: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/^Unknown option '--no-such-option'.*\nusage: npm run \S+/);
    expect(unknown.stderr, 'no stack trace').not.toMatch(/^ +at /m);
  });
}

test('listing tests sums nothing up, and ends with 0', async ({}, testInfo) => {
  const summary = testInfo.outputPath('summary.json');
  const variables = {
    E2E_SUMMARY_FILE: summary,
    PLAYWRIGHT_JSON_OUTPUT_FILE: testInfo.outputPath('list.json'),
  };
  const listed = await run('scripts/e2e.sh', ['--list', 'specs/vfio/clear-page-user.spec.ts'], variables);
  expect(listed.stderr).toBe('');
  expect(listed.exitCode).toBe(0);
  expect(listed.stdout).toMatch(/Total: 1 test in 1 file/);
  expect(listed.stdout).not.toMatch(/Verdict|Report:/);
  expect(existsSync(summary)).toBe(false);
  const nothing = await run('scripts/e2e.sh', ['--list', 'no-such-spec'], variables);
  expect(nothing.exitCode).toBe(125);
});

test('in-container.sh says how it is called, and that it reached no verdict where there is no engine', async () => {
  const script = 'scripts/ci/in-container.sh';
  const noClient = { E2E_ENGINE_CLI: '/no/such/docker' };
  const noEngine = { E2E_ENGINE_CLI: 'false' };
  expect(await run(script, ['--help'])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^usage: /),
  });
  expect(await run(script, [])).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/^usage: /) });
  expect(await run(script, ['true'], noClient)).toMatchObject({
    exitCode: 125,
    stderr: 'in-container: E2E_ENGINE_CLI=/no/such/docker is no program\n',
  });
  expect(await run(script, ['true'], noEngine)).toMatchObject({
    exitCode: 125,
    stderr: expect.stringMatching(/could not be built.*E2E_MACHINE_BASE=import/),
  });
});
