import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';

import type { RunSummary, TestFailure } from '../../fixtures/reporters/summary/model.js';
import type { Fault } from '../../lib/image/faults.js';
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
/** Asked when those find nothing: what shows in big mappings alone, with a device that does DMA, or over time. They take their time. */
const slow = ['specs/vfio/mappings/big', 'specs/vfio/device/edu', 'specs/vfio/history/over-time'];
/** A driver that goes wrong can make any access hang; none of these specs takes so long on an idle machine by far. */
const faultTimeoutMs = 40_000;

/** A check that failed: a false expectation. */
export type Catch = Pick<TestFailure, 'title' | 'message' | 'text'>;

export interface RunResult {
  readonly tests: number;
  readonly caught: readonly Catch[];
  /** Why there is no result, when the run itself came to nothing. */
  readonly problem: string | undefined;
}

export interface RunOptions {
  /** One of images/drivers; undefined: the reference guest's own driver. */
  readonly driver?: string | undefined;
  /** Undefined: the driver as it is. */
  readonly fault: Pick<Fault, 'name' | 'seenIn'> | undefined;
  /** The run ends after so many failures; 0 is for all. */
  readonly maxFailures: number;
  readonly workers: number;
  /** In place of the ordinary specs, generated sequences for so long. */
  readonly generatedSeconds?: number | undefined;
}

const project = path.resolve(import.meta.dirname, '../..');
const playwright = path.join(project, 'node_modules/@playwright/test/cli.js');
const reporter = path.join(project, 'fixtures/reporters/summary.ts');

/** Runs the ordinary specs, in processes of their own, against the driver with this fault: those first that are to see it. */
export async function runSpecs(options: RunOptions): Promise<RunResult> {
  const { fault, generatedSeconds } = options;
  let result: RunResult = { tests: 0, caught: [], problem: undefined };
  const byHand = [...(fault ? [[`specs/vfio/${fault.seenIn}`]] : []), ordinary, slow];
  for (const files of generatedSeconds === undefined ? byHand : [['specs/vfio/generated']]) {
    const { tests, ...found } = await runFiles(files, options);
    result = { tests: result.tests + tests, ...found };
    if (found.problem !== undefined || found.caught.length > 0) break;
  }
  return result;
}

/** Runs spec files as {@link runSpecs} does. */
export async function runFiles(
  files: readonly string[],
  { driver, fault, maxFailures, workers, generatedSeconds = 30 }: RunOptions,
): Promise<RunResult> {
  await using folder = await createRunFolder({ prefix: 'verdicts' });
  const file = path.join(folder.path, 'summary.json');
  const args = [
    ...['test', '--project=reference', `--reporter=${reporter}`, `--workers=${workers}`],
    ...[`--max-failures=${maxFailures}`, `--output=${path.join(folder.path, 'results')}`],
    ...(fault === undefined || files === slow ? [] : [`--timeout=${faultTimeoutMs}`]),
    ...files,
  ];
  // If this process is ended, so is the run that it started.
  const { all } = await ownHelper((owner) =>
    execa(process.execPath, [playwright, ...args], {
      cwd: project,
      env: {
        ...owner,
        ...{ E2E_SUMMARY_FILE: file, E2E_FAULT: fault?.name ?? '', E2E_DRIVER: driver ?? '' },
        // What is tried for long is another thing each time.
        E2E_SEED: process.env.E2E_SEED ?? String(Date.now() % 1e9),
        E2E_SECONDS: String(generatedSeconds),
        // A Playwright that a spec starts is no worker of the one that runs the spec.
        ...{ TEST_WORKER_INDEX: undefined, TEST_PARALLEL_INDEX: undefined },
      },
      all: true,
      reject: false,
    }),
  );
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) {
    return { tests: 0, caught: [], problem: `the run left no summary: ${all.trim().slice(-500)}` };
  }
  const { tests, verdict, why, cause = why, failures } = JSON.parse(text) as RunSummary;
  // A guest that did not boot has caught no fault.
  const caught = failures.filter(({ kind }) => kind === 'assertion').sort((a, b) => rank(a) - rank(b));
  return { tests: tests.passed + tests.failed, caught, problem: verdict === 'none' ? cause : undefined };
}

/** Messages that name a defect go before those that say what was expected. */
function rank({ message }: Catch): number {
  return /The (?:driver|IOMMU) /.test(message) ? 0 : 1;
}
