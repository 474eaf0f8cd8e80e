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
  const output = `--output=${test.info().outputPath('out')}`;
  return await playwright(['test', '-c', config, output, 'outcomes.sample.ts', '--grep', grep, ...args]);
}

/** The summary that Playwright leaves when it is run with these arguments. */
async function playwright(args: string[], variables: NodeJS.ProcessEnv = {}): Promise<RunSummary> {
  const file = test.info().outputPath('summary.json');
  const env: NodeJS.ProcessEnv = { ...process.env, E2E_SUMMARY_FILE: file, FORCE_COLOR: '1', ...variables };
  // Set by the Playwright that runs this: the inner one is no worker of it.
  for (const name of ['TEST_WORKER_INDEX', 'TEST_PARALLEL_INDEX']) Reflect.deleteProperty(env, name);
  const cli = path.join(root, 'node_modules/@playwright/test/cli.js');
  await run(process.execPath, [cli, ...args], { env }).catch(() => undefined);
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

test('who is blamed for a failure does not depend on how it came up', async () => {
  // Playwright starts a worker after every failure.
  test.setTimeout(300_000);
  const { failures, tests } = await playwright([
    'test',
    '-c',
    config,
    `--output=${test.info().outputPath('out')}`,
    'kinds.sample.ts',
  ]);
  const wanted = (title: string): string => /([a-z]+): [^›]*$/.exec(title)?.[1] ?? '';
  expect(failures.map(({ title, kind }) => `${kind}, ${title}`)).toEqual(
    failures.map(({ title }) => `${wanted(title)}, ${title}`),
  );
  expect(failures.length).toBeGreaterThan(30);
  expect(tests.passed + tests.skipped).toBe(0);
});

test('a false assertion makes a run bad though it is true at another attempt, and the test is named as flaky', async () => {
  const summary = await summaryOf('^.*sample.ts flaky$|good', '--retries=1');
  expect(summary).toMatchObject({ verdict: 'bad', exitCode: 1, tests: { passed: 1, flaky: 1, failed: 0 } });
  expect(summary.flaky).toHaveLength(1);
  expect(summary.flaky[0]).toContain('flaky');
});

test('what failed for another reason and passes at another attempt is good, and named as flaky', async () => {
  const summary = await summaryOf('recovers', '--retries=1');
  expect(summary).toMatchObject({ verdict: 'good', exitCode: 0, tests: { passed: 0, flaky: 1, failed: 0 } });
});

for (const { grep, shards, exitCode, tests, because } of [
  {
    grep: 'good|skipped',
    shards: [0, 0],
    exitCode: 0,
    tests: { passed: 1, skipped: 1 },
    because: 'all shards are good',
  },
  {
    grep: 'good|assertion$',
    shards: [0, 1],
    exitCode: 1,
    tests: { passed: 1, failed: 1 },
    because: 'one shard is bad',
  },
  {
    grep: 'good|ts infrastructure$',
    shards: [0, 125],
    exitCode: 125,
    tests: { passed: 1, failed: 1 },
    because: 'one shard has no verdict',
  },
] as const) {
  test(`${exitCode} of a run whose shards are merged when ${because}`, async () => {
    const blobs = test.info().outputPath('blobs');
    const reporter = path.join(root, 'fixtures/reporters/summary.ts');
    const codes: number[] = [];
    for (const shard of [1, 2]) {
      const summary = await playwright(
        [
          'test',
          '-c',
          config,
          // Its own folder: a run empties the one of its results.
          `--output=${test.info().outputPath(`results-${shard}`)}`,
          'outcomes.sample.ts',
          '--grep',
          grep,
          `--shard=${shard}/2`,
          '--fully-parallel',
          `--reporter=blob,${reporter}`,
        ],
        { PLAYWRIGHT_BLOB_OUTPUT_FILE: path.join(blobs, `shard-${shard}-of-2.zip`) },
      );
      codes.push(summary.exitCode);
    }
    expect(codes).toEqual(shards);
    const merged = await playwright(['merge-reports', `--reporter=${reporter}`, blobs]);
    expect(merged).toMatchObject({ exitCode, tests });
  });
}
