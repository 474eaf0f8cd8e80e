import type { FormatName } from '../../paging/entry.js';
import type { Rights } from '../../paging/rights.js';

/** How many of the letters mean something: EPT has no user mode, and an IOMMU no fetches either. */
const COUNT: Record<FormatName, number> = { x86: 4, npt: 4, ept: 3, vtd: 2 };

/** `rwxu`, with `-` for what is not permitted, as far as the format knows it. */
export function letters(rights: Rights, format: FormatName): string {
  const all: [boolean, string][] = [
    [rights.read, 'r'],
    [rights.write, 'w'],
    [rights.execute, 'x'],
    [rights.user, 'u'],
  ];
  return all
    .slice(0, COUNT[format])
    .map(([permitted, letter]) => (permitted ? letter : '-'))
    .join('');
}
