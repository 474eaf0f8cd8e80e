import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { JSONReport, JSONReportTestResult } from '@playwright/test/reporter';

const project = path.resolve(import.meta.dirname, '../..');
const api = path.join(project, 'fixtures/index.ts');

export interface GeneratedRun {
  /** Where the generated files and the run's results go: an empty folder of the caller's. */
  readonly folder: string;
  /** How many tests, each with a fresh VM. */
  readonly tests: number;
  readonly workers: number;
  /** Those that a test asks for. */
  readonly fixtures?: string;
  /** What a test sets with `test.use`, by its `index`. Default: nothing. */
  readonly use?: string;
  /** A test's body, with the fixtures and its `index` in reach. Default: one command. */
  readonly body?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** Playwright's own reporter; see `results.json` in the folder for more. */
  readonly reporter?: string;
}

/** Starts Playwright on generated specs, in a process group of its own. Its output is the caller's to read. */
export async function startGeneratedRun({
  folder,
  tests,
  workers,
  fixtures = 'guest, machine, launch',
  use = '{}',
  body = "expect(await guest.succeed(['echo', 'x'])).toBe('x\\n');",
  environment = {},
  reporter = 'line',
}: GeneratedRun): Promise<ChildProcess & { pid: number }> {
  const spec = [
    `import { expect, test } from ${JSON.stringify(api)};`,
    `for (let index = 0; index < ${tests}; index += 1)`,
    `  test.describe('test ' + index, () => {`,
    `    test.use(${use});`,
    `    test('test ' + index, async ({ ${fixtures} }) => { ${body} });`,
    '  });',
  ];
  const config = {
    testDir: '.',
    fullyParallel: true,
    workers,
    timeout: 120_000,
    reporter: [[reporter], ['json', { outputFile: path.join(folder, 'results.json') }]],
    outputDir: path.join(folder, 'output'),
  };
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }\n');
  await writeFile(path.join(folder, 'playwright.config.js'), `export default ${JSON.stringify(config)};\n`);
  await writeFile(path.join(folder, 'generated.spec.ts'), `${spec.join('\n')}\n`);
  const playwright = path.join(project, 'node_modules/@playwright/test/cli.js');
  const child = spawn(process.execPath, [playwright, 'test', '--config', folder], {
    cwd: folder,
    env: { ...process.env, ...environment },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('Playwright could not be started');
  return Object.assign(child, { pid });
}

/** Runs generated specs to their end, with what they say on stderr. @returns Playwright's own report, and all results of its tests */
export async function generatedRun(
  run: GeneratedRun,
): Promise<{ report: JSONReport; results: JSONReportTestResult[] }> {
  const child = await startGeneratedRun(run);
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => process.stderr.write(chunk));
  await once(child, 'exit');
  const report = JSON.parse(await readFile(path.join(run.folder, 'results.json'), 'utf8')) as JSONReport;
  const results = report.suites
    .flatMap(({ suites = [] }) => suites.flatMap(({ specs }) => specs))
    .flatMap((spec) => spec.tests.flatMap((test) => test.results));
  return { report, results };
}
