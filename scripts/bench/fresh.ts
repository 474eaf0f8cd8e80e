import { loadavg } from 'node:os';

import type { JSONReportTestResult } from '@playwright/test/reporter';

import { createRunFolder } from '../../lib/machine/ownership/index.js';
import { generatedRun } from './generated-run.js';
import { median, megabytes, rounded, timed } from './statistics.js';

const workers = 2;
/** A garbage collector gives back when it likes: the first and the last few tests of a worker stand for its beginning and its end. */
const few = 5;

/** One guest command, and what its worker takes of the host's memory. */
const body = `
  expect(await guest.succeed(['echo', 'x'])).toBe('x\\n');
  test.info().annotations.push({ type: 'rss', description: String(process.memoryUsage.rss()) });`;

/**
 * What a fresh VM for each test costs: `tests` tests of one guest command each, with two workers, through Playwright as a user runs it.
 * As the tests do nothing else, the time from one to its worker's next is what the harness adds; a worker's memory is to be the same at
 * both ends.
 */
export async function fresh(tests: number): Promise<object> {
  await using folder = await createRunFolder({ prefix: 'bench' });
  const { ms, result } = await timed(() => generatedRun({ folder: folder.path, tests, workers, body }));
  const { report, results } = result;
  const byWorker = inOrderByWorker(results);
  return {
    metric: 'fresh',
    tests,
    passed: report.stats.expected,
    workers,
    totalMs: rounded(ms),
    perTestMs: rounded((ms * workers) / tests),
    everyMs: rounded(median([...byWorker.values()].flatMap(timesBetween))),
    memory: [...byWorker].map(([worker, own]) => ({ worker, tests: own.length, ...memoryOf(own) })),
    load: rounded(loadavg()[0] ?? 0),
  };
}

/** Each worker's results, in the order in which they came to be. */
function inOrderByWorker(results: readonly JSONReportTestResult[]): Map<number, JSONReportTestResult[]> {
  const byWorker = new Map<number, JSONReportTestResult[]>();
  for (const result of results.toSorted((a, b) => Date.parse(a.startTime) - Date.parse(b.startTime)))
    byWorker.set(result.workerIndex, [...(byWorker.get(result.workerIndex) ?? []), result]);
  return byWorker;
}

/** From the beginning of each test to that of its worker's next. What Playwright calls a test's duration leaves its VM's start out. */
function timesBetween(own: readonly JSONReportTestResult[]): number[] {
  const begins = own.map(({ startTime }) => Date.parse(startTime));
  return begins.slice(1).map((begin, index) => begin - (begins[index] ?? Number.NaN));
}

/** Medians of a worker's resident memory, at its first and its last tests. */
function memoryOf(own: readonly JSONReportTestResult[]): { startMb: number; endMb: number } {
  const rss = own.map(rssOf);
  return { startMb: megabytes(median(rss.slice(0, few))), endMb: megabytes(median(rss.slice(-few))) };
}

function rssOf({ annotations }: JSONReportTestResult): number {
  return Number(annotations.find(({ type }) => type === 'rss')?.description);
}
