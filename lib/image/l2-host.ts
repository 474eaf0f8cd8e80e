import { ensureProgram } from './program.js';
import type { BuildContext } from './build-context.js';

/**
 * The L2 host program (images/l2/README.md), a static binary, from the cache or built now (3 s on 2 cores).
 *
 * @returns the binary's path
 * @throws ImageBuildError with the compiler's words
 */
export async function ensureL2Host(context: BuildContext): Promise<string> {
  // What it shares with the reference guest's tools is compiled from there.
  const [program = ''] = await ensureProgram(context, {
    kind: 'l2-host',
    what: 'The L2 host program',
    recipe: 'l2',
    sources: ['l2', 'reference/tools'],
    files: ['l2-host'],
  });
  return program;
}
