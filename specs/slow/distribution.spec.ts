import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { JSONReport, JSONReportSuite } from '@playwright/test/reporter';
import { execa } from 'execa';

import { expect, test } from '../../fixtures/index.js';
import type { RunSummary } from '../../fixtures/reporters/summary/model.js';
import { planReferenceImage } from '../../lib/image/reference-image.js';
import { createRunFolder } from '../../lib/machine/ownership/index.js';
import { launchBrowser, openTest } from '../framework/support/report-page.js';
import {
  type CommandResult,
  commandsOf,
  outputsNamed,
  WorkflowRunner,
} from '../framework/support/workflow-runner.js';

const sample = path.join(import.meta.dirname, '../framework/samples/shards/outcomes.sample.ts');
/** Where the sample is put in a checkout: as deep as it lies here, for what it imports. */
const sampleAsSpec = 'specs/vfio/of/shards/outcomes.spec.ts';
/** With the sample's between them a VM for either shard. */
const ordinary = ['specs/vfio/clear-page-user.spec.ts', 'specs/vfio/unmap.spec.ts'];
const passing = [
  'a DMA mapping takes its pages away from user mode',
  'after an unmap the pages are still there, on the same frames and without _PAGE_USER',
];
const failing = 'fails with the stock driver';
const flaky = 'passes when it is tried again';

test('two runners run a shard each, at the same time, and their reports are one', async ({
  environment,
  stack,
}) => {
  test.setTimeout(900_000);
  expect(stack.name).toBe('reference');
  await using folder = await createRunFolder({ prefix: 'ci' });
  const runners = await test.step('two runners, and one for the report', () =>
    Promise.all(['1', '2', 'r'].map((name) => WorkflowRunner.make(path.join(folder.path, name)))));
  const [first, second, reporter] = runners as [WorkflowRunner, WorkflowRunner, WorkflowRunner];
  const shards = [first, second];
  for (const { checkout } of runners) {
    await mkdir(path.dirname(path.join(checkout, sampleAsSpec)), { recursive: true });
    await cp(sample, path.join(checkout, sampleAsSpec));
  }
  // As the cache of Actions would bring it: the guest's image, and no snapshot.
  const { target } = await planReferenceImage(environment.cache);
  for (const { cache } of shards) {
    await cp(target, path.join(cache, 'reference', path.basename(target)), {
      recursive: true,
      preserveTimestamps: true,
    });
  }

  const commands = (await commandsOf('shard')).map((step) =>
    step.run.includes('run-shard.sh')
      ? { ...step, run: `${step.run} --workers=1 --project=reference ${ordinary.join(' ')} ${sampleAsSpec}` }
      : step,
  );
  const jobs = await test.step('both shards', () =>
    Promise.all(
      shards.map((runner, index) =>
        runner.runJob(commands, { SHARD: String(index + 1), TOTAL: '2', E2E_ACCEL: 'tcg' }),
      ),
    ));
  for (const [index, results] of jobs.entries()) {
    const file = test.info().outputPath(`shard-${index + 1}.txt`);
    await writeFile(file, outputOf(results));
    await test.info().attach(`shard-${index + 1}.txt`, { path: file });
  }
  // Of all commands of both jobs one failed: the one that ran the failing spec.
  const failed = jobs.flatMap((results, index) =>
    results.filter(({ exitCode }) => exitCode !== 0).map(({ run, exitCode }) => ({ index, run, exitCode })),
  );
  expect(failed).toEqual([
    { index: expect.any(Number), run: expect.stringContaining('run-shard.sh'), exitCode: 1 },
  ]);
  const bad = failed[0]?.index ?? 0;
  const goodRunner = bad === 0 ? second : first;

  await test.step('annotations', async () => {
    const lines = (await readFile(sample, 'utf8')).split('\n');
    const line = lines.findIndex((text) => text.includes('toHaveUserBitCleared')) + 1;
    const said = shardOutput(jobs[bad]);
    const annotations = said.filter((text) => /^::(error|warning) /.test(text));
    const failure = new RegExp(`^::error file=${sampleAsSpec},line=${line},title=.*${failing}::.*_PAGE_USER`);
    expect(annotations).toContainEqual(expect.stringMatching(failure));
    expect(jobs.flatMap(shardOutput)).toContainEqual(
      expect.stringMatching(`^::warning title=Flaky::.*${flaky}`),
    );
    // What is said before is no command, whatever it is.
    const [begin, token] = /^::stop-commands::(\S+)$/.exec(said[0] ?? '') ?? [];
    expect(begin, 'the first line of the output').toBeDefined();
    const end = said.indexOf(`::${token ?? ''}::`);
    expect(end).toBeGreaterThan(said.findIndex((text) => text.includes('Verdict: bad')));
    expect(said.slice(0, end).join('\n')).toContain('attachment');
    expect(said.indexOf(annotations[0] ?? '')).toBeGreaterThan(end);
  });

  await test.step('caches', async () => {
    const taken = await Promise.all(shards.map(({ cache }) => readdir(path.join(cache, 'snapshots'))));
    expect(taken[0]).toHaveLength(1);
    expect(taken[1]).toHaveLength(1);
    // Runners' caches lie in different places, and so do the files that a machine was made of.
    expect(taken[0]).not.toEqual(taken[1]);
    const before = await outputsOf(first);
    // Any other name in the workflow would mean an empty path or key.
    expect(Object.keys(before)).toEqual(expect.arrayContaining(await outputsNamed()));
    expect(before['image-cached']).toBe('true');
    expect([before['kernels-cached'], before['ept-cached']]).toEqual(['false', 'false']);
    for (const [key, folders] of [
      ['kernels', ['kernels-vfio', 'kernels-kvm']],
      ['ept', ['ept-folder']],
    ] as const) {
      const names = folders.map((name) => path.basename(before[name] ?? 'none'));
      expect(before[`${key}-key`]).toBe([key, ...names].join('-'));
      expect(names.join('-')).toMatch(new RegExp(`^[0-9a-f]{16}(-[0-9a-f]{16}){${folders.length - 1}}$`));
    }
    const kept = [before['image-folder'] ?? '', before['snapshots-folder'] ?? ''];
    expect(kept.every((each) => each.startsWith(first.cache))).toBe(true);
    // As actions/cache packs and unpacks.
    const archive = path.join(folder.path, 'cache.tar');
    await execa('tar', ['--posix', '--sparse', '-cf', archive, '-P', ...kept]);
    for (const each of kept) await rm(each, { recursive: true });
    await execa('tar', ['-xf', archive, '-P']);
    expect((await first.run('scripts/ci/cache-keys.sh snapshots 1 2')).exitCode).toBe(0);
    const after = await outputsOf(first);
    expect(after['snapshots-key']).toBe(before['snapshots-key']);
    expect(after['snapshots-key']).toMatch(/^snapshots-[0-9a-f]{16}-1-of-2-[0-9a-f]{16}$/);
  });

  const blobs = path.join(reporter.checkout, 'blobs');
  await mkdir(blobs);
  for (const { checkout } of shards) {
    await cp(path.join(checkout, 'blob-report'), blobs, { recursive: true });
  }
  // Its packages are there.
  const merging = (await commandsOf('report')).filter(({ run }) => !run.startsWith('npm ci'));
  const merged = await reporter.runJob(merging);
  expect(
    merged.map(({ exitCode }) => exitCode),
    outputOf(merged),
  ).toEqual([1]);

  await test.step('summary', async () => {
    const summary = await summaryOf(reporter);
    expect(summary).toMatchObject({
      ...{ verdict: 'bad', exitCode: 1, missingShards: [], restores: { count: 3 } },
      tests: { passed: 2, failed: 1, flaky: 1, skipped: 1 },
      flaky: [expect.stringContaining(flaky)],
      failures: [{ title: expect.stringContaining(failing), kind: 'assertion' }],
    });
    const page = await readFile(reporter.fileOf('GITHUB_STEP_SUMMARY'), 'utf8');
    expect(page).toContain('## Bad');
    expect(page).toContain(failing);
    expect(page).toContain(flaky);
  });

  await test.step('every test once, with its artifacts', async () => {
    const report = JSON.parse(
      await readFile(path.join(reporter.checkout, 'test-results.json'), 'utf8'),
    ) as JSONReport;
    const tests = new Map(report.suites.flatMap(testsOf));
    const titles = report.suites.flatMap(testsOf).map(([title]) => title);
    expect(titles.toSorted()).toEqual([...passing, failing, 'is skipped', flaky].toSorted());
    const ofEach = ['console.txt', 'dmesg.txt', 'machine.json', 'monitor.txt', 'timeline.svg', 'walk.svg'];
    for (const title of passing) expect(tests.get(title)?.toSorted(), title).toEqual([...ofEach, 'walk.txt']);
    expect(tests.get(failing)).toEqual(
      expect.arrayContaining([...ofEach, 'what-happened.txt', 'leaf-entry.svg', 'host.txt', 'vcpus.txt']),
    );
  });

  await test.step('pictures and logs of the failure are in the HTML report', async () => {
    await using browser = await launchBrowser();
    const page = await browser.newPage();
    await openTest(page, path.join(reporter.checkout, 'playwright-report'), failing);
    await expect(page.locator('img')).not.toHaveCount(0);
    const widths = await page
      .locator('img')
      // What of a browser's HTMLImageElement is needed: this code runs in the page.
      .evaluateAll((images) =>
        (images as unknown as { naturalWidth: number }[]).map((image) => image.naturalWidth),
      );
    expect(widths.length).toBeGreaterThanOrEqual(3);
    expect(Math.min(...widths)).toBeGreaterThan(300);
    await page.getByText('dmesg.txt').first().click();
    await expect(page.locator('body')).toContainText('Linux version');
  });

  await test.step('a shard without a report', async () => {
    await rm(blobs, { recursive: true });
    await mkdir(blobs);
    await cp(path.join(goodRunner.checkout, 'blob-report'), blobs, { recursive: true });
    const missing = `${bad + 1} of 2`;
    const [alone] = await reporter.runJob(merging);
    expect(alone?.exitCode, alone?.output).toBe(125);
    expect(await summaryOf(reporter)).toMatchObject({
      missingShards: [missing],
      why: `no report of shard ${missing}`,
    });
  });
});

function shardOutput(results: readonly CommandResult[] | undefined = []): string[] {
  return results.find(({ run }) => run.includes('run-shard.sh'))?.output.split('\n') ?? [];
}

function outputOf(results: readonly CommandResult[]): string {
  return results.map(({ output }) => output).join('\n');
}

/** What the commands left for the steps after them; of several values of a name the last. */
async function outputsOf(runner: WorkflowRunner): Promise<Record<string, string>> {
  const text = await readFile(runner.fileOf('GITHUB_OUTPUT'), 'utf8');
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line): [string, string] => [line.replace(/=.*/, ''), line.replace(/^[^=]*=/, '')]),
  );
}

async function summaryOf({ checkout }: WorkflowRunner): Promise<RunSummary> {
  return JSON.parse(await readFile(path.join(checkout, 'run-summary.json'), 'utf8')) as RunSummary;
}

/** Titles, each with the names of the attachments of its test's last attempt. */
function testsOf({ specs, suites = [] }: JSONReportSuite): [string, string[]][] {
  const own = specs.flatMap(({ title, tests }) =>
    tests.map((each): [string, string[]] => [
      title,
      each.results.at(-1)?.attachments.map(({ name }) => name) ?? [],
    ]),
  );
  return [...own, ...suites.flatMap(testsOf)];
}
