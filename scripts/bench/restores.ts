import { loadavg } from 'node:os';

import { createRunFolder } from '../../lib/machine/ownership/index.js';
import { benchStack, oneStart } from './machines.js';
import { median, megabytes, rounded } from './statistics.js';
import { newTraces, tracesOfThisRun } from './traces.js';

/** What every process gets at first belongs to none of the restores that are counted. */
const warmUp = 3;

/**
 * So many restores one after the other, in one process: how many fail, what they leave behind, what they cost at the beginning and at the
 * end. The process ends with 1 if one fails or leaves anything.
 */
export async function restores(runs: number): Promise<object> {
  const stack = await benchStack();
  await using folder = await createRunFolder({ prefix: 'bench' });
  for (let run = 0; run < warmUp; run += 1) await oneStart(stack, folder.path, false);
  const before = tracesOfThisRun(folder.path);
  const rssBefore = process.memoryUsage.rss();
  const problems: string[] = [];
  const firstCommandMs: number[] = [];
  for (let run = 1; run <= runs; run += 1) {
    try {
      firstCommandMs.push((await oneStart(stack, folder.path, false)).firstCommandMs);
    } catch (error) {
      problems.push(`restore ${run}: ${error instanceof Error ? error.message : String(error)}`);
      console.error(problems.at(-1));
    }
    if (run % 100 === 0) console.error(`restores: ${run} of ${runs}`);
  }
  const leftBehind = newTraces(before, tracesOfThisRun(folder.path));
  if (problems.length + leftBehind.length > 0) process.exitCode = 1;
  const tenth = Math.ceil(runs / 10);
  return {
    metric: 'restores',
    runs,
    failed: problems.length,
    problems,
    leftBehind,
    firstCommandMs: rounded(median(firstCommandMs)),
    firstTenthMs: rounded(median(firstCommandMs.slice(0, tenth))),
    lastTenthMs: rounded(median(firstCommandMs.slice(-tenth))),
    rssStartMb: megabytes(rssBefore),
    rssEndMb: megabytes(process.memoryUsage.rss()),
    load: rounded(loadavg()[0] ?? 0),
  };
}
