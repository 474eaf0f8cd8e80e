import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { RunSummary } from '../../../fixtures/reporters/summary/model.js';

/** A run of one of the project's own Playwright projects. */
export interface ProjectRun {
  readonly summary: RunSummary;
  /** What the run printed: with the messages of its failures in full. */
  readonly output: string;
}

const root = path.resolve(import.meta.dirname, '../../..');

/**
 * Runs a project in a Playwright of its own, with one worker.
 *
 * @param folder what the run leaves behind goes here
 * @param variables over this process's environment
 */
export async function runProject(
  project: string,
  folder: string,
  args: readonly string[],
  variables: NodeJS.ProcessEnv,
): Promise<ProjectRun> {
  const file = path.join(folder, 'summary.json');
  const env: NodeJS.ProcessEnv = { ...process.env, ...variables, E2E_SUMMARY_FILE: file, FORCE_COLOR: '0' };
  // Set by the Playwright that runs this: the inner one is no worker of it.
  for (const name of ['TEST_WORKER_INDEX', 'TEST_PARALLEL_INDEX']) Reflect.deleteProperty(env, name);
  const all = [
    path.join(root, 'node_modules/@playwright/test/cli.js'),
    'test',
    `--project=${project}`,
    '--workers=1',
    `--reporter=list,${path.join(root, 'fixtures/reporters/summary.ts')}`,
    `--output=${path.join(folder, 'out')}`,
    ...args,
  ];
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, all, { cwd: root, env, maxBuffer: 1 << 26 }, (_, stdout, stderr) => {
      resolve(`${stdout}\n${stderr}`);
    });
  });
  try {
    return { summary: JSON.parse(await readFile(file, 'utf8')) as RunSummary, output };
  } catch (error) {
    throw new Error(`The run of ${project} left no summary: ${output.slice(-2_000)}`, { cause: error });
  }
}
