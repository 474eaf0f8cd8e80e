import type { Level } from '../level.js';

/**
 * What a scan met on its way that is no mapping.
 * - `reserved-bits`, `misconfiguration`: a present entry that the hardware faults on.
 * - `unknown-processor`: one that it faults on or not, by what the processor has, which is not known.
 * - `unreadable`: an entry points to a table outside RAM.
 * - `cycle`: an entry points to a table that it is itself reached through. Legal (a recursive mapping), not followed.
 * - `limit`: the scan stopped here because one of its bounds was reached; what follows is missing.
 */
export type ProblemReason =
  'reserved-bits' | 'misconfiguration' | 'unknown-processor' | 'unreadable' | 'cycle' | 'limit';

export interface ScanProblem {
  readonly reason: ProblemReason;
  /** First address that the entry (or the table) would translate. */
  readonly address: bigint;
  /** Level of the entry that has the problem. For an unreadable root: the root's own level. */
  readonly level: Level;
  /** Physical address of that entry; undefined for the root itself. */
  readonly entryAddress: bigint | undefined;
  /** The entry's value; undefined for the root itself. */
  readonly raw: bigint | undefined;
  /** One sentence for a report. */
  readonly message: string;
}
