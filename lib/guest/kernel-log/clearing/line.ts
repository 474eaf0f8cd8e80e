import type { KernelLogEntry } from '../entry.js';

/** One line of the kernel's that speaks of clearing `_PAGE_USER`. */
export type ClearingLine = PteLine | { readonly kind: 'not-cleared'; readonly range: UnclearedRange };

/** One of the two lines that the kernel prints for a page. */
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

const HEX = '0x([0-9a-fA-F]{1,16})';
const CLEARING = new RegExp(`Clearing _PAGE_USER at vaddr ${HEX}, old PTE: ${HEX}\\s*$`);
const CLEARED = new RegExp(`Successfully cleared _PAGE_USER at vaddr ${HEX}, new PTE: ${HEX}\\s*$`);
/** The reference patch's line for what it skips (images/reference/patches). */
const NOT_CLEARED = new RegExp(
  `Not clearing _PAGE_USER at vaddr ${HEX}-${HEX} \\(([^()]{1,80})\\)(?:, entry: ${HEX})?\\s*$`,
);
/** What is left of either line when its end was cut off: the address is whole only if something follows it. */
const CUT = new RegExp(`(Clearing|Successfully cleared) _PAGE_USER at vaddr ${HEX},`);

/**
 * Reads a clearing line as the patched driver prints it; `undefined` for any other entry. Of a line that was cut off or shared with
 * another writer only the address is believed: `pte` is `undefined`, as its last digits may be missing.
 */
export function parseClearingLine({ text, flaw, facility }: KernelLogEntry): ClearingLine | undefined {
  // Nearly every line of a boot leaves here. What user space writes to /dev/kmsg is no word of the kernel's.
  if (!text.includes('_PAGE_USER at vaddr') || (facility ?? 0) !== 0) return undefined;
  if (flaw === 'truncated' || flaw === 'interleaved') return parseCut(text);
  const clearing = CLEARING.exec(text);
  if (clearing) return { kind: 'clearing', address: hex(clearing[1]), pte: hex(clearing[2]) };
  const cleared = CLEARED.exec(text);
  if (cleared) return { kind: 'cleared', address: hex(cleared[1]), pte: hex(cleared[2]) };
  const not = NOT_CLEARED.exec(text);
  if (not) {
    const entry = not[4] === undefined ? undefined : hex(not[4]);
    return {
      kind: 'not-cleared',
      range: { start: hex(not[1]), end: hex(not[2]), reason: not[3] ?? '', entry },
    };
  }
  return parseCut(text);
}

function parseCut(text: string): ClearingLine | undefined {
  const cut = CUT.exec(text);
  if (cut === null) return undefined;
  return { kind: cut[1] === 'Clearing' ? 'clearing' : 'cleared', address: hex(cut[2]), pte: undefined };
}

function hex(digits: string | undefined): bigint {
  return BigInt(`0x${digits ?? '0'}`);
}
