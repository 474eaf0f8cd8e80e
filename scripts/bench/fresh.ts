import { once } from 'node:events';
import { loadavg } from 'node:os';
import { join } from 'node:path';

import { readFile } from 'node:fs/promises';

import { createRunFolder } from '../../lib/machine/ownership/index.js';
import { startGeneratedRun } from './generated-run.js';
import { rounded, timed } from './statistics.js';

const workers = 2;

/** What a fresh VM for each test costs: `tests` tests of one guest command each, with two workers, through Playwright as a user runs it. */
export async function fresh(tests: number): Promise<object> {
  await using folder = await createRunFolder({ prefix: 'bench' });
  const { ms, result: stats } = await timed(async () => {
    const run = await startGeneratedRun({ folder: folder.path, tests, workers });
    run.stdout?.on('data', (chunk: Buffer) => process.stderr.write(chunk));
    run.stderr?.on('data', (chunk: Buffer) => process.stderr.write(chunk));
    await once(run, 'exit');
    const report = JSON.parse(await readFile(join(folder.path, 'results.json'), 'utf8')) as {
      stats: { expected: number; unexpected: number; flaky: number };
    };
    return report.stats;
  });
  return {
    metric: 'fresh',
    tests,
    passed: stats.expected,
    workers,
    totalMs: rounded(ms),
    perTestMs: rounded((ms * workers) / tests),
    load: rounded(loadavg()[0] ?? 0),
  };
}
