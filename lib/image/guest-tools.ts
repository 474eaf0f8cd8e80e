import type { BuildContext } from './build-context.js';
import { ensureProgram } from './program.js';

/**
 * The project's tools for a guest that the project did not build: static binaries for any x86-64 Linux, from the cache or built now
 * (a few seconds).
 *
 * @returns their files
 * @throws ImageBuildError with the compiler's message
 */
export async function ensureGuestTools(context: BuildContext): Promise<string[]> {
  return await ensureProgram(context, {
    kind: 'tools',
    what: 'The guest tools',
    recipe: 'reference/tools',
    sources: ['reference/tools'],
    files: ['vfio-map', 'kmsg-follow'],
  });
}
