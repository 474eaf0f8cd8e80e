import { copyFile, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';
import { parse } from 'yaml';

import { ownerEnvironment } from '../../../lib/machine/ownership/index.js';

const root = path.resolve(import.meta.dirname, '../../..');

interface Step {
  readonly id?: string;
  readonly run?: string;
  readonly if?: string;
}

const suite = path.join(root, '.github/workflows/suite.yml');

/** The outputs of commands that this project's suite uses: not what the cache's action itself tells. */
export async function outputsNamed(): Promise<string[]> {
  const text = await readFile(suite, 'utf8');
  const names = [...text.matchAll(/\bsteps\.\w+\.outputs\.([\w-]+)/g)].map(([, name = '']) => name);
  return [...new Set(names)].filter((name) => name !== 'cache-matched-key');
}

/** The steps of a job of this project's suite that are commands. */
export async function commandsOf(job: string): Promise<(Step & { readonly run: string })[]> {
  const { jobs } = parse(await readFile(suite, 'utf8')) as { jobs: Record<string, { steps: Step[] }> };
  return (jobs[job]?.steps ?? []).flatMap((step) =>
    step.run === undefined ? [] : [{ ...step, run: step.run }],
  );
}

/** How a command of a job ended. */
export interface CommandResult {
  readonly run: string;
  readonly exitCode: number | undefined;
  readonly output: string;
}

/** A machine of its own as far as a job's commands can tell: with a checkout, a home and a temporary folder that nobody else has. */
export class WorkflowRunner {
  readonly checkout: string;
  readonly home: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.checkout = path.join(folder, 'checkout');
    this.home = path.join(folder, 'home');
  }

  /** @param folder short: sockets lie below it. It must not exist yet. */
  static async make(folder: string): Promise<WorkflowRunner> {
    const runner = new WorkflowRunner(folder);
    for (const part of [runner.checkout, runner.home, runner.#temporary])
      await mkdir(part, { recursive: true });
    // As they are now, not as they were committed.
    const { stdout } = await execa('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
    });
    const files = stdout.split('\0').filter((file) => file !== '');
    for (const parent of new Set(files.map((file) => path.dirname(file)))) {
      await mkdir(path.join(runner.checkout, parent), { recursive: true });
    }
    await Promise.all(
      files.map((file) =>
        copyFile(path.join(root, file), path.join(runner.checkout, file)).catch((error: unknown) => {
          // Removed, but not yet for git.
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        }),
      ),
    );
    // What `npm ci` would bring, with its stamp. Nobody writes to it, so that links do where the file system can.
    const packages = [path.join(root, 'node_modules'), runner.checkout];
    const linked = await execa('cp', ['-al', ...packages], { reject: false });
    if (linked.failed) await execa('cp', ['-a', ...packages]);
    return runner;
  }

  get cache(): string {
    return path.join(this.home, '.cache/opentdx-e2e');
  }

  get #temporary(): string {
    return path.join(this.#folder, 'tmp');
  }

  /** A file of the runner that a job's commands write to: `GITHUB_OUTPUT`, `GITHUB_STEP_SUMMARY`. */
  fileOf(variable: string): string {
    return path.join(this.#folder, variable);
  }

  /** Runs a job's commands as an Actions runner does: after one that failed only those that say when they run. */
  async runJob(
    commands: readonly (Step & { readonly run: string })[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<CommandResult[]> {
    const results: CommandResult[] = [];
    for (const command of commands) {
      const failed = results.some(({ exitCode }) => exitCode !== 0);
      if (failed && command.if === undefined) continue;
      results.push(await this.run(command.run, environment));
    }
    return results;
  }

  async run(run: string, environment: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
    const { exitCode, all } = await execa('bash', ['-e', '-c', run], {
      ...{ cwd: this.checkout, all: true, reject: false, stdin: 'ignore', extendEnv: false },
      env: {
        ...(await ownerEnvironment()),
        PATH: process.env.PATH ?? '',
        HOME: this.home,
        TMPDIR: this.#temporary,
        CI: 'true',
        GITHUB_ACTIONS: 'true',
        GITHUB_WORKSPACE: this.checkout,
        GITHUB_OUTPUT: this.fileOf('GITHUB_OUTPUT'),
        GITHUB_STEP_SUMMARY: this.fileOf('GITHUB_STEP_SUMMARY'),
        ...environment,
      },
    });
    return { run, exitCode, output: all };
  }
}
