import { bitsOf, valueOf } from '../svg/bits.js';
import { svgDocument } from '../svg/document.js';
import { hex64 } from '../svg/hex.js';
import { at } from '../svg/node.js';
import { fieldsTable } from './fields-table.js';
import { lanes } from './lanes.js';
import { markedBits, type RegisterDiagram } from './model.js';

const TABLE_GAP = 18;

/**
 * A 64-bit value with the name of every bit, and a table of the fields that are not zero. With a second value each bit in
 * which they differ is boxed and hatched in the diagram, comes first in the table, and is named in the text alternative.
 * `fields` must cover bits 63:0 without gap or overlap, as every decoded value of `lib/paging` does.
 */
export function registerPicture(diagram: RegisterDiagram): string {
  const { value, other } = diagram;
  const values = other === undefined ? [value] : [value, other];
  const drawn = lanes(diagram.fields, values, markedBits(diagram));
  const table = fieldsTable(diagram);
  const raws = values.map((each) => `${each.label} ${hex64(each.raw)}`).join(', ');
  const broken = (diagram.violations ?? []).map((violation) => `Breaks a rule: ${violation.message}.`);
  return svgDocument({
    title: diagram.title,
    subtitle: [diagram.subtitle, raws].filter((each) => each !== undefined).join(' · '),
    description: [`${raws}.`, ...broken, tellDifference(diagram), `Set: ${tellFields(diagram)}.`].join(' '),
    body: {
      nodes: [...drawn.nodes, at(0, drawn.height + TABLE_GAP, ...table.nodes)],
      height: drawn.height + TABLE_GAP + table.height,
    },
    notes: broken,
  });
}

function tellDifference({ fields, value, other }: RegisterDiagram): string {
  if (other === undefined) return '';
  const differing = fields.filter((field) => valueOf(field, value.raw) !== valueOf(field, other.raw));
  if (differing.length === 0) return 'No bit differs.';
  const told = differing.map(
    (field) =>
      `bit ${bitsOf(field)} ${field.name}: ${value.label} ${valueOf(field, value.raw)}, ` +
      `${other.label} ${valueOf(field, other.raw)}`,
  );
  return `Differing: ${told.join('; ')}.`;
}

function tellFields({ fields, value }: RegisterDiagram): string {
  return fields
    .filter((field) => valueOf(field, value.raw) !== 0n)
    .map((field) => `${field.name} (${bitsOf(field)})`)
    .join(', ');
}
