import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

const project = path.resolve(import.meta.dirname, '../..');
const fixtures = path.join(project, 'fixtures/index.ts');

export interface GeneratedRun {
  /** Where the generated files and the run's results go: an empty folder of the caller's. */
  readonly folder: string;
  /** How many tests, each with a fresh VM. */
  readonly tests: number;
  readonly workers: number;
  /** A test's body, with `guest`, `machine` and `launch` in reach. Default: one command. */
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
  body = "expect(await guest.succeed(['echo', 'x'])).toBe('x\\n');",
  environment = {},
  reporter = 'line',
}: GeneratedRun): Promise<ChildProcess & { pid: number }> {
  const spec = [
    `import { expect, test } from ${JSON.stringify(fixtures)};`,
    `for (let index = 0; index < ${tests}; index += 1)`,
    `  test('test ' + index, async ({ guest, machine, launch }) => { ${body} });`,
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
