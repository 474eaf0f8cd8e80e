import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { JSONReport, JSONReportSuite } from '@playwright/test/reporter';

/** How one test of a sample ended. */
export interface SampleResult {
  readonly status: string;
  /** Messages without colours, in the order in which a report shows them. */
  readonly errors: readonly string[];
  /** Names. */
  readonly attachments: readonly string[];
  /** Where attachments lie that are files. */
  readonly files: ReadonlyMap<string, string>;
  /** What is in the others. */
  readonly bodies: ReadonlyMap<string, string>;
  readonly annotations: readonly string[];
  readonly ms: number;
}

const samples = path.join(import.meta.dirname, 'samples');
const playwright = path.resolve(import.meta.dirname, '../../node_modules/@playwright/test/cli.js');

/**
 * Runs a sample in a Playwright of its own and says how its tests ended, by title.
 *
 * @param output a folder for what the run leaves behind
 * @param variables added to its environment
 */
export async function runSample(
  file: string,
  output: string,
  variables: NodeJS.ProcessEnv = {},
): Promise<Map<string, SampleResult>> {
  const report = path.join(output, 'report.json');
  const args = [
    playwright,
    'test',
    '-c',
    samples,
    '--reporter=json',
    `--output=${path.join(output, 'results')}`,
    file,
  ];
  const outcome = await new Promise<string>((resolve) => {
    const env = { ...withoutPlaywright(process.env), ...variables, PLAYWRIGHT_JSON_OUTPUT_FILE: report };
    execFile(process.execPath, args, { env, maxBuffer: 1 << 26 }, (_, stdout, stderr) => {
      resolve(`${stdout}\n${stderr}`);
    });
  });
  let json: JSONReport;
  try {
    json = JSON.parse(await readFile(report, 'utf8')) as JSONReport;
  } catch (error) {
    throw new Error(`The run of ${file} left no report: ${outcome.slice(-2_000)}`, { cause: error });
  }
  return new Map(json.suites.flatMap(resultsOf));
}

/** What a test runner tells its workers is not for the runner inside. */
function withoutPlaywright(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(variables).filter(
      ([name]) => !/^(TEST_|PLAYWRIGHT_|PW_|FORCE_COLOR|DEBUG_COLORS)/.test(name),
    ),
  );
}

function resultsOf({ specs, suites = [] }: JSONReportSuite): [string, SampleResult][] {
  const own = specs.map(({ title, tests }): [string, SampleResult] => {
    const result = tests[0]?.results.at(-1);
    const attachments = result?.attachments ?? [];
    const annotations = result?.annotations ?? [];
    return [
      title,
      {
        status: result?.status ?? 'did not run',
        errors: result?.errors.map(({ message }) => withoutColours(message)) ?? [],
        attachments: attachments.map(({ name }) => name),
        files: new Map(attachments.flatMap(({ name, path: at }) => (at === undefined ? [] : [[name, at]]))),
        bodies: new Map(
          attachments.flatMap(({ name, body }) =>
            body === undefined ? [] : [[name, Buffer.from(body, 'base64').toString()]],
          ),
        ),
        annotations: annotations.map(({ type, description }) => `${type}: ${description ?? ''}`),
        ms: result?.duration ?? 0,
      },
    ];
  });
  return [...own, ...suites.flatMap(resultsOf)];
}

function withoutColours(text: string): string {
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}
