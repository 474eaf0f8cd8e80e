import { PictureError } from '../picture-error.js';
import { formatBytes } from '../svg/bytes.js';
import { svgDocument } from '../svg/document.js';
import { hex } from '../svg/hex.js';
import { at, type SvgNode } from '../svg/node.js';
import { label } from '../svg/shapes.js';
import { group, type Group } from './groups.js';
import type { AddressSpaceMap, MapMark, MapRange } from './model.js';
import { KEY_HEIGHT, rightsKey } from './rights.js';
import { BAR_X, gapRow, groupRow, type Row } from './rows.js';
import { bytesOf, tellGroup } from './tell.js';

const MAX_ROWS = 28;
const MAX_MARKS = 12;

/**
 * What is mapped in an address space and with which rights, lowest address at the top. Heights grow with the logarithm of
 * a range's size; what is not mapped is drawn as a break with its size. More than 28 ranges share rows, and the notes say so.
 *
 * @throws PictureError for ranges that are empty, overlap, or are out of order.
 */
export function addressSpacePicture(map: AddressSpaceMap): string {
  assertOrdered(map.ranges);
  const { format = 'x86' } = map;
  const groups = group(map.ranges, MAX_ROWS);
  const marks = (map.marks ?? []).slice(0, MAX_MARKS);
  const nodes: SvgNode[] = [];
  let y = 0;
  let end: bigint | undefined;
  const place = (row: Row): void => {
    nodes.push(...row.nodes);
    y += row.height;
  };
  const unplaced = new Set(marks);
  for (const each of groups) {
    const { start } = each[0];
    if (end !== undefined && start > end) place(gapRow(end, start - end, y));
    end = (each[each.length - 1] ?? each[0]).end;
    const past = end;
    const here = marks.filter(({ address }) => address >= start && address < past);
    for (const mark of here) unplaced.delete(mark);
    place(groupRow(each, y, here, format));
  }
  if (end !== undefined) {
    nodes.push(label('mono-small-muted', BAR_X - 12, y + 11, hex(end), 'end'));
    y += 16;
  }

  const notes = notesOf(map, groups, [...unplaced]);
  const total = `${map.ranges.length.toLocaleString('en')} ranges, ${formatBytes(bytesOf(map.ranges))} mapped`;
  return svgDocument({
    title: map.title,
    subtitle: [map.subtitle, total].filter((each) => each !== undefined).join(' · '),
    description: [
      `${total}.`,
      ...marks.map(tellMark),
      ...notes,
      ...groups.map((each) => tellGroup(each, format)),
    ].join(' '),
    body: { nodes: [...rightsKey(format), at(0, KEY_HEIGHT, ...nodes)], height: y + KEY_HEIGHT },
    notes,
  });
}

function tellMark({ address, label: text }: MapMark): string {
  return `Marked: ${hex(address)} ${text}.`;
}

function notesOf(map: AddressSpaceMap, groups: readonly Group[], unplaced: readonly MapMark[]): string[] {
  const notes = [
    'Letters: effective rights of all levels. Heights grow with the logarithm of the size; breaks are not mapped, and not to scale.',
  ];
  if (groups.length < map.ranges.length) {
    const count = map.ranges.length.toLocaleString('en');
    notes.push(
      `${count} ranges share ${groups.length} rows; a shared row's bar is divided by bytes, not in order of address, and ` +
        'smaller gaps lie within it.',
    );
  }
  if (unplaced.length > 0) {
    const told = unplaced.map((mark) => `${hex(mark.address)} ${mark.label}`).join(', ');
    notes.push(`Not mapped, or in a gap within a row: ${told}.`);
  }
  return notes;
}

function assertOrdered(ranges: readonly MapRange[]): void {
  let end: bigint | undefined;
  for (const range of ranges) {
    if (range.end <= range.start)
      throw new PictureError(`the range at ${hex(range.start)} is empty: it ends at ${hex(range.end)}`);
    if (end !== undefined && range.start < end) {
      throw new PictureError(
        `the range at ${hex(range.start)} begins before the one above it ends (${hex(end)})`,
      );
    }
    end = range.end;
  }
}
