import type { BitField } from '../../paging/bit-field.js';
import { bitsOf, touches, valueOf } from '../svg/bits.js';
import { hex } from '../svg/hex.js';
import { fit, monoWidth, sansWidth } from '../svg/measure.js';
import type { SvgNode } from '../svg/node.js';
import { box, label, line } from '../svg/shapes.js';
import { contentWidth, size, type StyleName } from '../theme/styles.js';
import { markedBits, type RegisterDiagram } from './model.js';

const ROW = 19;
const NAME_X = 52;
const SPACE = 18;

interface FieldRow {
  field: BitField;
  marked: boolean;
  value: string;
  /** `= 1`, `≠ 0`; empty if there is only one value. */
  other: string;
}

/** One row for each field that is not zero or differs, marked ones first: bits, name, value, the other value, meaning. */
export function fieldsTable(diagram: RegisterDiagram): { nodes: SvgNode[]; height: number } {
  const rows = rowsOf(diagram);
  const { value, other } = diagram;
  const widest = (texts: string[], most: number): number =>
    Math.min(most, Math.max(60, ...texts.map((text) => monoWidth(text, size.body)))) + SPACE;
  const valueX =
    NAME_X +
    widest(
      rows.map(({ field }) => field.name),
      230,
    );
  const otherX =
    valueX +
    widest(
      rows.map((row) => row.value),
      150,
    );
  const meaningX =
    other === undefined
      ? otherX
      : otherX +
        widest(
          rows.map((row) => row.other),
          165,
        );
  const head = (x: number, text: string): SvgNode =>
    label('note', x, 11, fit(text, 60 + SPACE, size.small, sansWidth));

  const nodes: SvgNode[] = [
    head(0, 'bits'),
    head(NAME_X, 'field'),
    head(valueX, value.label),
    ...(other === undefined ? [] : [head(otherX, other.label)]),
    head(meaningX, 'when set'),
    line('rule', 0, 17, contentWidth, 17),
  ];
  rows.forEach(({ field, marked, value: shown, other: compared }, index) => {
    const y = 19 + index * ROW;
    const base = y + 14;
    const style: StyleName = marked ? 'mono-bad' : 'mono';
    const meaning = fit(field.meaning, contentWidth - meaningX, size.body, sansWidth);
    if (marked) nodes.push(box('mark-fill', -6, y + 1, contentWidth + 12, ROW - 2));
    nodes.push(
      label(marked ? style : 'mono-muted', 0, base, bitsOf(field)),
      label(style, NAME_X, base, fit(field.name, 230, size.body, monoWidth)),
      label(style, valueX, base, shown),
      ...(compared === '' ? [] : [label(style, otherX, base, compared)]),
      label('body', meaningX, base, meaning),
    );
  });
  return { nodes, height: 19 + rows.length * ROW };
}

function rowsOf(diagram: RegisterDiagram): FieldRow[] {
  const { fields, value, other } = diagram;
  const marked = markedBits(diagram);
  return fields
    .filter((field) => valueOf(field, value.raw | (other?.raw ?? 0n)) !== 0n)
    .map((field) => {
      const seen = valueOf(field, value.raw);
      const compared = valueOf(field, other?.raw ?? 0n);
      return {
        field,
        marked: touches(field, marked),
        value: written(field, seen),
        other: other === undefined ? '' : `${seen === compared ? '=' : '≠'} ${written(field, compared)}`,
      };
    })
    .sort((a, b) => Number(b.marked) - Number(a.marked) || a.field.low - b.field.low);
}

function written(field: BitField, value: bigint): string {
  return field.role === 'flag' ? `${value}` : hex(value);
}
