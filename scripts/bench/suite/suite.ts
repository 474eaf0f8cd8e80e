import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import path from 'node:path';

import { execa } from 'execa';

import { createRunFolder } from '../../../lib/machine/ownership/index.js';
import { tablePicture } from '../../../lib/picture/index.js';
import { median, rounded } from '../statistics.js';
import type { RanTest, SuiteRun } from './model.js';
import { type Spent, spentByRun, spentByTest, sum } from './spend.js';

const project = path.resolve(import.meta.dirname, '../../..');
/** Of the tests that cost most beside their bodies. */
const mostTests = 10;
/** Of all workers' time. */
const leastShare = 0.001;
const picture = 'bench-suite.svg';

export interface SuiteOptions {
  readonly runs: number;
  /** A commit that is run alternately with this checkout, in a worktree of its own. */
  readonly base?: string | undefined;
  /** For Playwright: projects, files. Default: the main job. */
  readonly args: readonly string[];
}

/**
 * Where the time of all workers goes in a run of Playwright's, on an idle machine: medians of `runs` runs, as JSON, and as a picture
 * (`bench-suite.svg`). With `base` the same of another commit, and ratios.
 */
export async function suite({ runs, base, args: asked }: SuiteOptions): Promise<object> {
  const args = asked.length > 0 ? asked : ['--project=reference'];
  await using folder = await createRunFolder({ prefix: 'bench' });
  const places = [{ name: 'this', root: project }];
  const worktree = path.join(folder.path, 'base');
  if (base !== undefined) {
    await execa('git', ['worktree', 'add', '--detach', worktree, base], { cwd: project });
    await symlink(path.join(project, 'node_modules'), path.join(worktree, 'node_modules'));
    places.push({ name: base, root: worktree });
  }
  try {
    const done = new Map<string, SuiteRun[]>();
    for (let run = 0; run < runs; run += 1) {
      for (const { name, root } of run % 2 === 0 ? places : [...places].reverse())
        done.set(name, [...(done.get(name) ?? []), await runSuite(root, folder.path, args)]);
    }
    const results = places.map(({ name }) => ({ name, ...figures(done.get(name) ?? []) }));
    await writeFile(path.join(project, picture), draw(results, args));
    const [ours, theirs] = results;
    const ratio = ours && theirs ? { ratio: rounded(ours.wallS / theirs.wallS) } : {};
    return { metric: 'suite', args, runs, ...ours, base: theirs, ...ratio, load: rounded(loadavg()[0] ?? 0) };
  } finally {
    if (base !== undefined) await execa('git', ['worktree', 'remove', '--force', worktree], { cwd: project });
  }
}

async function runSuite(root: string, folder: string, args: readonly string[]): Promise<SuiteRun> {
  const file = path.join(folder, 'steps.json');
  const [started, cpuBefore] = [Date.now(), childrenCpuMs()];
  const playwright = path.join(root, 'node_modules/@playwright/test/cli.js');
  const reporters = [
    ...['timeline', 'html-page', 'summary'].map((name) => path.join(root, `fixtures/reporters/${name}.ts`)),
    ...['list', 'html', 'json'],
    // Of this checkout also where an older one is run.
    path.join(import.meta.dirname, 'steps-reporter.ts'),
  ];
  const child = spawn(
    process.execPath,
    [playwright, 'test', `--reporter=${reporters.join(',')}`, `--output=${folder}/output`, ...args],
    {
      cwd: root,
      env: {
        ...process.env,
        SUITE_STEPS_FILE: file,
        E2E_SUMMARY_FILE: path.join(folder, 'summary.json'),
        PLAYWRIGHT_HTML_OUTPUT_DIR: path.join(folder, 'html'),
        PLAYWRIGHT_HTML_OPEN: 'never',
        PLAYWRIGHT_JSON_OUTPUT_FILE: path.join(folder, 'results.json'),
      },
      stdio: ['ignore', 2, 2],
    },
  );
  await once(child, 'exit');
  const run = JSON.parse(await readFile(file, 'utf8')) as Omit<SuiteRun, 'started' | 'exited' | 'cpuMs'>;
  return { ...run, started, exited: Date.now(), cpuMs: childrenCpuMs() - cpuBefore };
}

/** CPU time of this process's children and theirs that have ended, in ms: proc(5), `cutime` and `cstime`, in ticks of 10 ms. */
function childrenCpuMs(): number {
  const fields = readFileSync('/proc/self/stat', 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

type Figures = ReturnType<typeof figures>;

function figures(runs: readonly SuiteRun[]) {
  const tests = runs.flatMap((run) => run.tests);
  const projects = [...new Set(tests.map((test) => test.project))];
  return {
    tests: median(runs.map((run) => run.tests.length)),
    workers: runs[0]?.workers ?? 0,
    wallS: rounded(median(runs.map(({ started, exited }) => exited - started)) / 1000),
    cpuS: rounded(median(runs.map(({ cpuMs }) => cpuMs)) / 1000),
    /** Seconds of all workers. */
    spentS: medians(runs.map(spentByRun), 1000),
    perTest: Object.fromEntries(projects.map((name) => [name, perTest(tests, name)])),
    dearest: dearest(tests),
  };
}

/** Of a project's tests: medians in ms of all of a test, of its body, and of the rest. */
function perTest(tests: readonly RanTest[], name: string): object {
  const own = tests.filter((test) => test.project === name).map(spentByTest);
  const body = own.map((spent) => spent.get('body') ?? 0);
  const all = own.map(totalOf);
  return {
    tests: own.length,
    allMs: rounded(median(all)),
    bodyMs: rounded(median(body)),
    restMs: rounded(median(all.map((ms, index) => ms - (body[index] ?? 0)))),
  };
}

function dearest(tests: readonly RanTest[]): object[] {
  return tests
    .map((test) => ({ test, spent: spentByTest(test) }))
    .map(({ test, spent }) => ({
      title: test.title,
      bodyMs: rounded(spent.get('body') ?? 0),
      restMs: rounded(totalOf(spent) - (spent.get('body') ?? 0)),
    }))
    .sort((a, b) => b.restMs - a.restMs)
    .slice(0, mostTests);
}

function medians(spents: readonly Spent[], unit: number): Record<string, number> {
  const names = [...new Set(spents.flatMap((spent) => [...spent.keys()]))];
  const rows = names.map((name): [string, number] => [
    name,
    rounded(median(spents.map((spent) => spent.get(name) ?? 0)) / unit),
  ]);
  // What is less is in none of the questions that this answers.
  const least = sum(rows, ([, value]) => value) * leastShare;
  return Object.fromEntries(rows.filter(([, value]) => value >= least).sort(([, a], [, b]) => b - a));
}

function totalOf(spent: Spent): number {
  return sum([...spent.values()], (ms) => ms);
}

function draw(results: readonly ({ name: string } & Figures)[], args: readonly string[]): string {
  const [ours, theirs] = results;
  const total = sum(Object.values(ours?.spentS ?? {}), (seconds) => seconds);
  const rows = Object.entries(ours?.spentS ?? {}).map(([what, seconds]) => [
    { text: what },
    { text: `${seconds} s` },
    { text: `${((100 * seconds) / total).toFixed(1)} %` },
    { text: `${((1000 * seconds) / (ours?.tests ?? 1)).toFixed(0)} ms` },
    { text: theirs ? `${theirs.spentS[what] ?? 0} s` : '' },
  ]);
  return tablePicture({
    title: "Where the workers' time goes",
    subtitle: `playwright test ${args.join(' ')}: ${results.map(({ name, wallS, cpuS, tests }) => `${name}: ${wallS} s for ${tests} tests, ${cpuS} s of CPU time`).join('; ')}`,
    columns: [
      { title: 'what', width: 300 },
      { title: 'all workers', width: 110 },
      { title: 'share', width: 90 },
      { title: 'a test', width: 110 },
      { title: theirs?.name ?? '', width: 180 },
    ],
    rows,
  });
}
