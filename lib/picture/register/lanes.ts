import { render, type Field } from 'bit-field';
import type { BitField, FieldRole, Layout } from '../../paging/bit-field.js';
import type { SvgNode } from '../svg/node.js';
import { box, hatch, label } from '../svg/shapes.js';
import { contentWidth, type StyleName } from '../theme/styles.js';
import type { RegisterValue } from './model.js';
import { restyle } from './restyle.js';
import { shortName } from '../svg/short-name.js';

const LANES = 4;
const BITS = 64 / LANES;
const MARGIN = { left: 52, right: 0, top: 15, bottom: 0 };
/** As `bit-field` reckons it. */
const STEP = (contentWidth - MARGIN.left - MARGIN.right - 1) / BITS;
const CELL = 24;
/** px between two lines of values; `bit-field` takes its font size for that. */
const VALUE = 13;
const GAP = 10;
const EDGE = 9;

const roleStyle: Record<FieldRole, StyleName | undefined> = {
  flag: undefined,
  value: undefined,
  address: 'area-address',
  ignored: 'panel',
  reserved: 'panel',
};

/** The register in four lanes of 16 bits, highest first, each bit of each value under its field; `differing` bits marked. */
export function lanes(
  fields: Layout,
  values: readonly RegisterValue[],
  differing: bigint,
): { nodes: SvgNode[]; height: number } {
  const laneHeight = MARGIN.top + CELL + values.length * VALUE + 4 + GAP;
  const pieces = fields.flatMap(cutAtLanes).sort((a, b) => a.low - b.low);
  const drawn = render(
    pieces.map((piece) => toField(piece, values)),
    {
      lanes: LANES,
      bits: 64,
      hspace: contentWidth,
      vspace: laneHeight,
      fontsize: VALUE,
      margin: { ...MARGIN, bottom: laneHeight - MARGIN.top - CELL },
    },
  );
  const under: SvgNode[] = [];
  const marks: SvgNode[] = [];
  const labels: SvgNode[] = [];
  for (let lane = 0; lane < LANES; lane++) {
    const top = lane * laneHeight + MARGIN.top;
    values.forEach((value, row) => {
      labels.push(
        label('bit', MARGIN.left - 6, top + CELL + 13 + row * VALUE, value.label.slice(0, 8), 'end'),
      );
    });
    for (let index = 0; index < BITS; index++) {
      const bit = 63 - lane * BITS - index;
      if (((differing >> BigInt(bit)) & 1n) === 0n) continue;
      const place = [
        MARGIN.left + index * STEP + 1,
        top,
        STEP - 1,
        CELL + values.length * VALUE + 6,
      ] as const;
      // Hatched at both sides only: no line runs through the digits.
      const [x, y, width, height] = place;
      under.push(box('mark-fill', ...place));
      for (const side of [x, x + width - EDGE]) under.push(hatch('hatch-bad', side, y, EDGE, height));
      marks.push(box('mark', ...place));
    }
  }
  return { nodes: [...under, restyle(drawn), ...marks, ...labels], height: LANES * laneHeight - GAP };
}

/** A field that crosses a lane's edge would be drawn with all its bits in both lanes: it is drawn as two. */
function cutAtLanes(field: BitField): BitField[] {
  const pieces: BitField[] = [];
  for (let low = field.low; low <= field.high;) {
    const high = Math.min(field.high, low - (low % BITS) + BITS - 1);
    pieces.push({ ...field, low, high });
    low = high + 1;
  }
  return pieces;
}

function toField(piece: BitField, values: readonly RegisterValue[]): Field {
  const bits = piece.high - piece.low + 1;
  const style = roleStyle[piece.role];
  return {
    bits,
    name: shortName(piece.name, bits * STEP - 2),
    attr: values.map(({ raw }) => Number((raw >> BigInt(piece.low)) & ((1n << BigInt(bits)) - 1n))),
    ...(style === undefined ? {} : { type: 0, rect: { class: style } }),
  };
}
