import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { JSONReport, JSONReportSuite } from '@playwright/test/reporter';
import { execa } from 'execa';

import { createRunFolder, ownHelper } from '../../lib/machine/ownership/index.js';

/**
 * The ordinary VFIO specs: what a user would write, without a word of faults. Those about the stock driver, which has none to inject,
 * stay out.
 */
const ordinary = [
  'specs/vfio/clear-page-user.spec.ts',
  'specs/vfio/user-access.spec.ts',
  'specs/vfio/unmap.spec.ts',
  'specs/vfio/mappings/(?!big)',
];
/** Asked when those find nothing: what shows in big mappings alone, or with a device that does DMA. They take their time. */
const slow = ['specs/vfio/mappings/big', 'specs/vfio/device/edu'];
/** A driver that goes wrong can make any access hang; none of these specs takes so long on an idle machine by far. */
const faultTimeoutMs = 40_000;

/** A check that failed. */
export interface Catch {
  readonly title: string;
  /** First line of its message. */
  readonly message: string;
}

export interface RunResult {
  readonly tests: number;
  readonly caught: readonly Catch[];
  /** Why there is no result, when the run itself came to nothing. */
  readonly problem: string | undefined;
}

export interface RunOptions {
  /** Undefined: the driver as it is. */
  readonly fault: string | undefined;
  /** The run ends after so many failures; 0 is for all. */
  readonly maxFailures: number;
  readonly workers: number;
}

const project = path.resolve(import.meta.dirname, '../..');
const playwright = path.join(project, 'node_modules/@playwright/test/cli.js');

/** Runs the ordinary specs, in a process of their own, against the driver with this fault. */
export async function runSpecs(options: RunOptions): Promise<RunResult> {
  const first = await runFiles(ordinary, options);
  if (first.problem !== undefined || first.caught.length > 0) return first;
  const second = await runFiles(slow, options);
  return { ...second, tests: first.tests + second.tests };
}

async function runFiles(
  files: readonly string[],
  { fault, maxFailures, workers }: RunOptions,
): Promise<RunResult> {
  await using folder = await createRunFolder({ prefix: 'verdicts' });
  const report = path.join(folder.path, 'report.json');
  const args = [
    ...['test', '--project=reference', '--reporter=json', `--workers=${workers}`],
    ...[`--max-failures=${maxFailures}`, `--output=${path.join(folder.path, 'results')}`],
    ...(fault === undefined || files === slow ? [] : [`--timeout=${faultTimeoutMs}`]),
    ...files,
  ];
  // If this process is ended, so is the run that it started.
  const { all } = await ownHelper((owner) =>
    execa(process.execPath, [playwright, ...args], {
      cwd: project,
      env: { ...owner, PLAYWRIGHT_JSON_OUTPUT_FILE: report, E2E_FAULT: fault ?? '' },
      all: true,
      reject: false,
    }),
  );
  return await readReport(report, all);
}

async function readReport(file: string, output: string): Promise<RunResult> {
  let json: JSONReport;
  try {
    json = JSON.parse(await readFile(file, 'utf8')) as JSONReport;
  } catch {
    return { tests: 0, caught: [], problem: `the run left no report: ${output.trim().slice(-500)}` };
  }
  const results = json.suites.flatMap(resultsOf);
  const caught = results.filter((result) => result !== 'passed').sort((a, b) => rank(a) - rank(b));
  // That the run was cut short after enough failures is an error of the run's, too.
  const error = caught.length > 0 ? undefined : json.errors[0]?.message;
  const problem = error ?? (results.length === 0 ? 'no test ran' : undefined);
  return { tests: results.length, caught, problem };
}

/** Messages that name a defect go before those that say what was expected. */
function rank({ message }: Catch): number {
  return /^The (?:driver|IOMMU) /.test(message) ? 0 : 1;
}

/** One for each test that ran. */
function resultsOf({ specs, suites = [] }: JSONReportSuite): (Catch | 'passed')[] {
  const own = specs.flatMap(({ title, tests }): (Catch | 'passed')[] => {
    const result = tests[0]?.results.at(-1);
    if (!result || result.status === 'skipped' || result.status === 'interrupted') return [];
    if (result.status === 'passed') return ['passed'];
    return [{ title, message: firstLine(result.errors[0]?.message ?? result.status ?? 'failed') }];
  });
  return [...own, ...suites.flatMap(resultsOf)];
}

function firstLine(message: string): string {
  const plain = message.replace(/\u001b\[[0-9;]*m/g, '');
  return (
    plain
      .split('\n')
      .map((line) => line.replace(/^Error: /, '').trim())
      .find((line) => line !== '') ?? ''
  );
}
