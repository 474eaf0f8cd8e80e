import type { BitField } from '../../paging/bit-field.js';
import type { WalkStep } from '../../paging/walk/result.js';
import { touches } from '../svg/bits.js';
import type { SvgNode } from '../svg/node.js';
import { box, hatch, label } from '../svg/shapes.js';
import { shortName } from '../svg/short-name.js';

const MOST = 10;
const LEFT = 342;
const PITCH = 45;
const WIDTH = 40;
const HEIGHT = 20;
const EDGE = 12;

/** Bits 2:0 and 63 carry the permissions in every format (x86, EPT, VT-d): always shown. */
const PERMISSIONS = 0x8000_0000_0000_0007n;

/**
 * The flags that get a column, in order of their bits: what offends, the permissions, what any level has set, and then as
 * many others as there is room for. One column per name: bit 7 is `_PAGE_PSE` at one level and `_PAGE_PAT` at another.
 */
export function flagColumns(steps: readonly WalkStep[], offending: bigint): BitField[] {
  const columns = new Map<string, { field: BitField; rank: number }>();
  for (const { entry, raw } of steps) {
    for (const field of entry.fields) {
      if (field.role !== 'flag') continue;
      const rank = touches(field, offending)
        ? 0
        : touches(field, PERMISSIONS)
          ? 1
          : touches(field, raw)
            ? 2
            : 3;
      const known = columns.get(field.name);
      if (known === undefined || rank < known.rank) columns.set(field.name, { field, rank });
    }
  }
  return [...columns.values()]
    .sort((a, b) => a.rank - b.rank || a.field.low - b.field.low)
    .slice(0, MOST)
    .map(({ field }) => field)
    .sort((a, b) => a.low - b.low);
}

/** The names above the columns. */
export function flagHeader(columns: readonly BitField[], y: number): SvgNode[] {
  return columns.map(({ name }, index) =>
    label('bit-name', LEFT + index * PITCH + WIDTH / 2, y, shortName(name, PITCH), 'middle'),
  );
}

/** A digit per column, boxed if it is set; empty where the entry has no such flag. */
export function flagCells(
  cells: readonly ({ set: boolean; offends: boolean } | undefined)[],
  y: number,
): SvgNode[] {
  return cells.flatMap((cell, index) => {
    if (cell === undefined) return [];
    const x = LEFT + index * PITCH;
    const place = [x, y, WIDTH, HEIGHT] as const;
    const digit = (style: 'mono-strong' | 'mono-muted' | 'mono-bad'): SvgNode =>
      label(style, x + WIDTH / 2, y + 14.5, cell.set ? '1' : '0', 'middle');
    if (!cell.offends) {
      return cell.set ? [box('box-accent', ...place), digit('mono-strong')] : [digit('mono-muted')];
    }
    // Hatched at both ends only: no line runs through the digit.
    const ends = [x, x + WIDTH - EDGE].map((end) => hatch('hatch-bad', end, y, EDGE, HEIGHT));
    return [box('mark-fill', ...place), ...ends, box('mark', ...place), digit('mono-bad')];
  });
}
