import { once } from 'node:events';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';
import { dir } from 'tmp-promise';

import { startGeneratedRun } from '../../scripts/bench/generated-run.js';

test('eight workers on a small machine pass, and leave nothing in the temp folder', async () => {
  test.setTimeout(1_200_000);
  const folder = await dir({ unsafeCleanup: true });
  const temp = path.join(folder.path, 'tmp');
  const run = path.join(folder.path, 'run');
  await mkdir(temp);
  await mkdir(run);
  const runner = await startGeneratedRun({
    ...{ folder: run, tests: 12, workers: 8 },
    environment: { TMPDIR: temp, PWTEST_CACHE_DIR: path.join(folder.path, 'compiled') },
  });
  let output = '';
  for (const stream of [runner.stdout, runner.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [exitCode] = (await once(runner, 'exit')) as [number | null];
  const { stats } = JSON.parse(await readFile(path.join(run, 'results.json'), 'utf8')) as {
    stats: { expected: number; unexpected: number; flaky: number };
  };
  expect(exitCode, output).toBe(0);
  expect(stats).toMatchObject({ expected: 12, unexpected: 0, flaky: 0 });
  // The workers' watchdogs end a moment after them.
  await expect.poll(() => readdir(temp), { timeout: 30_000 }).toEqual([]);
  await folder.cleanup();
});
