import { execa } from 'execa';

import type { BuildSite } from './build-site.js';
import { ImageBuildError } from './errors.js';
import { searchPath } from './native/tools.js';
import type { Progress } from './progress.js';

/** Where a build works: a folder, and marks in its processes' environment, by which both are cleaned up if this process is killed. */
export interface Workshop {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Runs the script that builds something.
 *
 * @param what is built, for the message: `The reference guest`
 * @throws ImageBuildError with the script's last output
 */
export async function runRecipe(
  what: string,
  script: string,
  args: readonly string[],
  { progress, workshop }: { readonly progress: Progress; readonly workshop: Workshop },
): Promise<void> {
  const recipe = execa(script, args, {
    all: true,
    reject: false,
    stdin: 'ignore',
    env: {
      ...workshop.environment,
      LC_ALL: 'C.UTF-8',
      PATH: searchPath(),
      TMPDIR: workshop.folder,
    },
  });
  for await (const line of recipe.iterable({ from: 'all' })) progress(line);
  const result = await recipe;
  if (result.failed) throw recipeFailed(what, result.shortMessage ?? 'its recipe failed', result.all);
}

/** @param what was to be built, as runRecipe has it */
export function recipeFailed(what: string, how: string, output: string): ImageBuildError {
  return new ImageBuildError(`${what} could not be built: ${how}`, output.trim().split('\n').slice(-25));
}

/**
 * The compiler that a recipe finds there, in one line: it shapes what is built.
 *
 * @throws ImageBuildError when it does not answer
 */
export async function compilerVersion(site: Pick<BuildSite, 'run' | 'title'>): Promise<string> {
  const { failed, stdout, stderr } = await site.run('gcc', ['--version']);
  if (failed) throw new ImageBuildError(`gcc of ${site.title} does not answer: ${stderr.trim()}`);
  return stdout.split('\n')[0] ?? '';
}
