import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from '@playwright/test';

import type { RunSummary } from '../../fixtures/reporters/summary/model.js';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
const config = path.join(root, 'specs/framework/samples/exit-codes/playwright.config.ts');

// A Playwright of its own per test, on a busy machine.
test.describe.configure({ timeout: 120_000 });

/** Runs the samples that match, and gives the run's summary. */
async function summaryOf(grep: string, ...args: string[]): Promise<RunSummary> {
  const file = test.info().outputPath('summary.json');
  const env: NodeJS.ProcessEnv = { ...process.env, E2E_SUMMARY_FILE: file, FORCE_COLOR: '1' };
  // Set by the Playwright that runs this: the inner one is no worker of it.
  for (const name of ['TEST_WORKER_INDEX', 'TEST_PARALLEL_INDEX']) Reflect.deleteProperty(env, name);
  const cli = path.join(root, 'node_modules/@playwright/test/cli.js');
  const output = `--output=${test.info().outputPath('out')}`;
  await run(process.execPath, [cli, 'test', '-c', config, output, '--grep', grep, ...args], { env }).catch(
    () => undefined,
  );
  return JSON.parse(await readFile(file, 'utf8')) as RunSummary;
}

for (const { grep, exitCode, verdict, because } of [
  { grep: 'good', exitCode: 0, verdict: 'good', because: 'all assertions are true' },
  { grep: 'good|assertion$', exitCode: 1, verdict: 'bad', because: 'an assertion is false' },
  { grep: 'good|ts infrastructure$', exitCode: 125, verdict: 'none', because: 'the infrastructure failed' },
  { grep: 'good|subclass', exitCode: 125, verdict: 'none', because: 'an error is below InfrastructureError' },
  {
    grep: 'good|wrapped',
    exitCode: 125,
    verdict: 'none',
    because: 'a check met an infrastructure error in place of a value',
  },
  { grep: 'good|hangs', exitCode: 125, verdict: 'none', because: 'a test ran out of time' },
  {
    grep: '^.*sample.ts (assertion|infrastructure|hangs)$',
    exitCode: 1,
    verdict: 'bad',
    because: 'an assertion is false, whatever else failed',
  },
  {
    grep: 'soft',
    exitCode: 1,
    verdict: 'bad',
    because: 'an assertion was false before the infrastructure failed',
  },
  { grep: 'skipped', exitCode: 125, verdict: 'none', because: 'nothing ran' },
  { grep: 'no such test', exitCode: 125, verdict: 'none', because: 'there is no test' },
] as const) {
  test(`${exitCode} when ${because}`, async () => {
    const summary = await summaryOf(grep);
    expect(summary).toMatchObject({ exitCode, verdict });
    expect(summary.why).not.toBe('');
  });
}

test('a test that passes when it is tried again is good, and named as flaky', async () => {
  const summary = await summaryOf('flaky', '--retries=1');
  expect(summary).toMatchObject({ exitCode: 0, tests: { passed: 0, flaky: 1, failed: 0 } });
  expect(summary.flaky).toHaveLength(1);
  expect(summary.flaky[0]).toContain('flaky');
});
