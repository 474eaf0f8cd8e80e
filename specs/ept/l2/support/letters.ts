import { decodeEptEntry } from '../../../../lib/paging/index.js';

/** Of a leaf: write, accessed and dirty as three letters, where a dash is a clear bit; `absent` for what is not there. */
export function eptLetters(leaf: { readonly raw: bigint } | undefined): string {
  const { present, write, accessed, dirty } = decodeEptEntry(leaf?.raw ?? 0n, 1);
  if (!present) return 'absent';
  return `${write ? 'W' : '-'}${accessed ? 'A' : '-'}${dirty ? 'D' : '-'}`;
}
