import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** What is known of one kernel: a file in `expectations/`. A new kernel is a new file there, and no change of code. */
interface Expectations {
  /** Name of the stack. */
  readonly stack: string;
  /** First numbers of the kernel's release: `6.1` stands for 6.1.0-56-amd64, and not for 6.13. */
  readonly kernel: string;
  readonly routes: Readonly<Record<string, 'open' | 'closed'>>;
}

const folder = path.join(import.meta.dirname, 'expectations');

export const allExpectations: readonly Expectations[] = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Expectations);

/**
 * Which routes are open on this kernel; none is known of a kernel without a file.
 *
 * @param release as `uname -r` prints it
 */
export function expectedRoutes(stack: string, release: string): Expectations['routes'] {
  return (
    allExpectations.find(
      (each) => each.stack === stack && (release === each.kernel || release.startsWith(`${each.kernel}.`)),
    )?.routes ?? {}
  );
}
