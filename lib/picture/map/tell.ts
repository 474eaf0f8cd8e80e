import type { FormatName } from '../../paging/entry.js';
import type { Rights } from '../../paging/rights.js';
import { formatBytes } from '../svg/bytes.js';
import { hex } from '../svg/hex.js';
import { letters } from '../svg/letters.js';
import type { Group } from './groups.js';
import type { MapRange } from './model.js';

export function bytesOf(ranges: readonly MapRange[]): bigint {
  return ranges.reduce((sum, range) => sum + (range.end - range.start), 0n);
}

/** How many bytes of a group have which effective rights. */
export interface Share {
  letters: string;
  rights: Rights;
  bytes: bigint;
}

/** Bytes by rights, most first. */
export function sharesOf(each: Group, format: FormatName): Share[] {
  const shares = new Map<string, Share>();
  for (const range of each) {
    const key = letters(range.effectiveRights, format);
    const share = shares.get(key) ?? { letters: key, rights: range.effectiveRights, bytes: 0n };
    share.bytes += range.end - range.start;
    shares.set(key, share);
  }
  return [...shares.values()].sort((a, b) => Number(b.bytes - a.bytes));
}

/** What a range consists of: `4 × 4 KiB → 0x1f0ba000`. */
export function tellPages(range: MapRange, format: FormatName): string {
  const leaf = letters(range.leafRights, format);
  const pages = `${range.mappings.toLocaleString('en')} × ${formatBytes(range.pageSize)}`;
  const where = range.contiguous ? `→ ${hex(range.physicalAddress)}` : 'scattered';
  return `${pages} ${where}${leaf === letters(range.effectiveRights, format) ? '' : ` leaf ${leaf}`}`;
}

/** What a shared row consists of: `812 ranges: 80% rw-u, 20% r-xu`, in per cent of its bytes. */
export function tellShares(each: Group, shares: readonly Share[]): string {
  const count = `${each.length.toLocaleString('en')} ranges`;
  if (shares.length === 1) return count;
  const total = bytesOf(each);
  const parts = shares.map((share) => {
    const percent = Math.round(Number((share.bytes * 10_000n) / total) / 100);
    return `${percent === 0 ? '<1' : percent}% ${share.letters}`;
  });
  return `${count}: ${parts.join(', ')}`;
}

/** A row in words. */
export function tellGroup(each: Group, format: FormatName): string {
  const end = (each[each.length - 1] ?? each[0]).end;
  const [range] = each;
  const what =
    each.length === 1
      ? `${letters(range.effectiveRights, format)} ${tellPages(range, format)}${range.name === undefined ? '' : ` ${range.name}`}`
      : tellShares(each, sharesOf(each, format));
  return `${hex(range.start)} to ${hex(end)}: ${formatBytes(bytesOf(each))} ${what}.`;
}
