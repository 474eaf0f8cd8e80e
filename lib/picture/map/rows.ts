import type { FormatName } from '../../paging/entry.js';
import { formatBytes } from '../svg/bytes.js';
import { hex } from '../svg/hex.js';
import { letters } from '../svg/letters.js';
import { fit, monoWidth, sansWidth } from '../svg/measure.js';
import { el, type SvgNode } from '../svg/node.js';
import { box, label } from '../svg/shapes.js';
import { contentWidth, size } from '../theme/styles.js';
import type { Group } from './groups.js';
import type { MapMark } from './model.js';
import { area } from './rights.js';
import { bytesOf, sharesOf, tellPages, tellShares } from './tell.js';

export const BAR_X = 138;
const BAR = 150;
const LETTERS_X = BAR_X + BAR + 14;
const SIZE_END = LETTERS_X + 105;
const PAGES_X = SIZE_END + 16;
const NAME_X = PAGES_X + 176;
const GAP_ROW = 28;
const MARK_ROW = 20;

export interface Row {
  nodes: SvgNode[];
  height: number;
}

/**
 * One range, or several that share a row: their bar is divided by how many bytes have which rights. Taller for larger
 * ranges, by the logarithm: 4 KiB is 22 px, 1 GiB 40 px.
 */
export function groupRow(each: Group, y: number, marks: readonly MapMark[], format: FormatName): Row {
  const total = bytesOf(each);
  const height = Math.min(22 + total.toString(2).length - 13, 44) + marks.length * MARK_ROW;
  const base = y + (height - marks.length * MARK_ROW) / 2 + 4;
  const shares = sharesOf(each, format);
  const nodes: SvgNode[] = [label('mono-small', BAR_X - 12, y + 11, hex(each[0].start), 'end')];
  let x = BAR_X;
  for (const share of shares) {
    const width = BAR * (Number((share.bytes * 10_000n) / total) / 10_000);
    nodes.push(...area(share.rights, x, y, Math.max(width, 1), height));
    x += width;
  }
  const [first] = shares;
  const alike = first !== undefined && shares.length === 1;
  nodes.push(
    label('mono-strong', LETTERS_X, base, alike ? letters(first.rights, format) : 'mixed'),
    label('mono-small', SIZE_END, base, formatBytes(total), 'end'),
  );
  if (each.length === 1) {
    const [range] = each;
    const pages = fit(tellPages(range, format), NAME_X - PAGES_X - 10, size.small, monoWidth);
    nodes.push(label('mono-small-muted', PAGES_X, base, pages));
    const name = fit(range.name ?? '', contentWidth - NAME_X, size.body, sansWidth);
    nodes.push(label('body', NAME_X, base, name));
  } else {
    const told = fit(tellShares(each, shares), contentWidth - PAGES_X, size.small, monoWidth);
    nodes.push(label('mono-small', PAGES_X, base, told));
  }
  if (marks.length > 0) nodes.push(box('mark', BAR_X - 2, y - 1, BAR + 4, height + 2));
  marks.forEach((mark, index) => {
    nodes.push(...tag(mark, y + height - (marks.length - index) * MARK_ROW));
  });
  return { nodes, height };
}

function tag(mark: MapMark, y: number): SvgNode[] {
  const text = fit(
    `${hex(mark.address)} ${mark.label}`,
    contentWidth - LETTERS_X - 20,
    size.small,
    monoWidth,
  );
  const middle = y + 8.5;
  return [
    el('path', { class: 'bad-dot', d: `M${BAR_X + BAR + 3},${middle}l8,-5v10Z` }),
    box('mark-fill', LETTERS_X - 5, y, monoWidth(text, size.small) + 12, 17),
    label('mono-small-bad', LETTERS_X + 1, y + 12.5, text),
  ];
}

/** More than the 47 or 56 low bits of either half can leave free: the hole between the halves is part of it. */
const NON_CANONICAL = 1n << 62n;

/** Nothing is mapped here: a break in the axis, whose height says nothing. */
export function gapRow(from: bigint, bytes: bigint, y: number): Row {
  const middle = y + GAP_ROW / 2;
  const broken = (x: number): SvgNode =>
    el('path', { class: 'outline', d: `M${x},${y + 2}V${middle - 4}l-4,2l8,4l-4,2V${y + GAP_ROW - 2}` });
  const text = bytes > NON_CANONICAL ? 'non-canonical addresses' : `${formatBytes(bytes)} not mapped`;
  return {
    nodes: [
      label('mono-small-muted', BAR_X - 12, y + 11, hex(from), 'end'),
      broken(BAR_X + 0.5),
      broken(BAR_X + BAR - 0.5),
      label('note', BAR_X + BAR / 2, middle + 4, text, 'middle'),
    ],
    height: GAP_ROW,
  };
}
