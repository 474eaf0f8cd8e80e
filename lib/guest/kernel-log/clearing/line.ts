import type { LogGrammar } from '../../../change/index.js';
import type { KernelLogEntry } from '../entry.js';

/** One line of the kernel's that speaks of the change. */
export type ClearingLine = PteLine | { readonly kind: 'not-cleared'; readonly range: UnclearedRange };

/** One of the two lines that the kernel prints for a page: before it is changed (`clearing`), and once it is (`cleared`). */
export interface PteLine {
  readonly kind: 'clearing' | 'cleared';
  readonly address: bigint;
  /** Old PTE for `clearing`, new PTE for `cleared`; `undefined` when it was cut off. */
  readonly pte: bigint | undefined;
}

/** A range that the kernel says it did not clear: a huge leaf, an entry that is not present. */
export interface UnclearedRange {
  readonly start: bigint;
  /** First address after the range. */
  readonly end: bigint;
  /** In the kernel's words: `2 MiB leaf`, `not present`. */
  readonly reason: string;
  /** The entry that was found, when the line holds one. */
  readonly entry: bigint | undefined;
}

/**
 * Reads a change's line as its grammar has it; `undefined` for any other entry. Of a line that was cut off or shared with another writer
 * only the address is believed: `pte` is `undefined`, as its last digits may be missing.
 */
export function parseClearingLine(
  { text, flaw, facility }: KernelLogEntry,
  { begins, ends, leaves }: LogGrammar,
): ClearingLine | undefined {
  // What user space writes to /dev/kmsg is no word of the kernel's.
  if ((facility ?? 0) !== 0) return undefined;
  const isWhole = flaw !== 'truncated' && flaw !== 'interleaved';
  for (const [kind, line] of [
    ['clearing', begins],
    ['cleared', ends],
  ] as const) {
    // Nearly every line of a boot leaves here.
    if (line === undefined || !text.includes(line.marker)) continue;
    const { address, pte } =
      (isWhole ? line.whole.exec(text) : undefined)?.groups ?? line.cut.exec(text)?.groups ?? {};
    if (address !== undefined)
      return { kind, address: hex(address), pte: pte === undefined ? undefined : hex(pte) };
  }
  const { start, end, reason, entry } =
    (isWhole && leaves && text.includes(leaves.marker) ? leaves.whole.exec(text) : undefined)?.groups ?? {};
  if (start === undefined || end === undefined) return undefined;
  const range = { start: hex(start), end: hex(end), reason: reason ?? '' };
  return { kind: 'not-cleared', range: { ...range, entry: entry === undefined ? undefined : hex(entry) } };
}

function hex(digits: string): bigint {
  return BigInt(`0x${digits}`);
}
