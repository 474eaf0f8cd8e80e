import { readFile } from 'node:fs/promises';

import type { Change } from './draft.js';
import type { WrapperWishes } from './rewrite.js';

/** What a wrapper did, for the artifacts. */
export interface WrapperReport {
  readonly qemu: string;
  readonly wishes: WrapperWishes;
  /** QEMU's command line as the launch script made it, without the program's name. */
  readonly given: readonly string[];
  /** The one that QEMU ran with. */
  readonly used: readonly string[];
  readonly changes: readonly Change[];
}

/** The report of an installed wrapper; undefined when it has not been run, or gave up. */
export async function readReport(file: string): Promise<WrapperReport | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as WrapperReport;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The changes for a person, two lines or three each. */
export function describeChanges({ qemu, changes }: WrapperReport): string {
  const lines = changes.flatMap(({ removed, added, why }) => [
    `${why}:`,
    ...(removed.length > 0 ? [`  - ${removed.join(' ')}`] : []),
    ...(added.length > 0 ? [`  + ${added.join(' ')}`] : []),
  ]);
  return [
    `What was changed of the command line of ${qemu}:`,
    ...(lines.length > 0 ? lines : ['nothing']),
    '',
  ].join('\n');
}
