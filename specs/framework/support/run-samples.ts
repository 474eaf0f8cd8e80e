import { execFile } from 'node:child_process';
import { mkdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import type { RunSummary } from '../../../fixtures/reporters/summary/model.js';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../../..');
const config = path.join(root, 'specs/framework/samples/report/playwright.config.ts');

/** A run of the sample specs, and what it left. */
export interface SampleRun {
  readonly exitCode: number;
  readonly output: string;
  readonly summary: RunSummary;
  /** The HTML report, after it was packed into an archive and unpacked at another place. */
  readonly movedReport: string;
  /** Names of the attachments of a sample's last attempt. */
  attachments(title: string): string[];
}

interface JsonSuite {
  readonly suites?: readonly JsonSuite[];
  readonly specs?: readonly {
    readonly title: string;
    readonly tests: readonly {
      readonly results: readonly { readonly attachments: readonly { name: string }[] }[];
    }[];
  }[];
}

/** Runs the sample specs in a Playwright of their own, with a report below `folder`. */
export async function runSamples(folder: string, args: readonly string[]): Promise<SampleRun> {
  const report = path.join(folder, 'report');
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PLAYWRIGHT_HTML_OUTPUT_DIR: report,
    PLAYWRIGHT_JSON_OUTPUT_NAME: path.join(folder, 'results.json'),
    E2E_SUMMARY_FILE: path.join(folder, 'summary.json'),
    FORCE_COLOR: '0',
  };
  // Set by the Playwright that runs this: the inner one is no worker of it.
  for (const name of ['TEST_WORKER_INDEX', 'TEST_PARALLEL_INDEX']) Reflect.deleteProperty(env, name);
  const outcome = await run(
    process.execPath,
    [
      path.join(root, 'node_modules/@playwright/test/cli.js'),
      'test',
      '-c',
      config,
      '--workers=1',
      `--output=${path.join(folder, 'out')}`,
      ...args,
    ],
    { cwd: root, env, maxBuffer: 16 << 20 },
  ).then(
    ({ stdout, stderr }) => ({ exitCode: 0, output: stdout + stderr }),
    (error: unknown) => {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { exitCode: code, output: stdout + stderr };
    },
  );
  const results = JSON.parse(await readFile(path.join(folder, 'results.json'), 'utf8')) as JsonSuite;

  const elsewhere = path.join(folder, 'elsewhere');
  const movedReport = path.join(elsewhere, 'the report');
  await mkdir(elsewhere);
  await run('tar', ['-czf', 'report.tar.gz', 'report'], { cwd: folder });
  await run('tar', ['-xzf', '../report.tar.gz'], { cwd: elsewhere });
  await rename(path.join(elsewhere, 'report'), movedReport);
  return {
    ...outcome,
    summary: JSON.parse(await readFile(path.join(folder, 'summary.json'), 'utf8')) as RunSummary,
    movedReport,
    attachments: (title) => attachmentsOf(results, title),
  };
}

function attachmentsOf(suite: JsonSuite, title: string): string[] {
  return [
    ...(suite.specs ?? [])
      .filter((spec) => spec.title === title)
      .flatMap(({ tests }) => tests[0]?.results.at(-1)?.attachments.map(({ name }) => name) ?? []),
    ...(suite.suites ?? []).flatMap((inner) => attachmentsOf(inner, title)),
  ];
}
