import { execa } from 'execa';

import { ImageBuildError } from './errors.js';
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
      PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`,
      TMPDIR: workshop.folder,
    },
  });
  for await (const line of recipe.iterable({ from: 'all' })) progress(line);
  const result = await recipe;
  if (!result.failed) return;
  throw new ImageBuildError(
    `${what} could not be built: ${result.shortMessage ?? 'its recipe failed'}`,
    result.all.split('\n').slice(-25),
  );
}

/** The compiler that a recipe finds, in one line: it shapes what is built. */
export async function compilerVersion(): Promise<string> {
  const { stdout } = await execa('gcc', ['--version'], { env: { LC_ALL: 'C' } });
  return stdout.split('\n')[0] ?? '';
}
