import { PictureError } from '../picture-error.js';
import { svgDocument } from '../svg/document.js';
import { sansBoldWidth, sansWidth, wrap } from '../svg/measure.js';
import type { SvgNode } from '../svg/node.js';
import { label, line } from '../svg/shapes.js';
import { contentWidth, size } from '../theme/styles.js';
import type { TableCell, TableColumn, TableDiagram } from './model.js';

const LINE = 15;
const GAP = 8;
const HEAD = 20;
/** More rows make no picture that a report can show. */
const MAX_ROWS = 100;

/**
 * A table with a rule under each row; texts that are too long for their column are broken into lines.
 *
 * @throws PictureError for columns wider than the picture, rows of another length, or more than 100 rows
 */
export function tablePicture({ title, subtitle, columns, rows, notes = [] }: TableDiagram): string {
  check(columns, rows);
  const lefts = columns.map((_, index) => columns.slice(0, index).reduce((sum, { width }) => sum + width, 0));
  const nodes: SvgNode[] = columns.map((column, index) => label('note', lefts[index] ?? 0, 10, column.title));
  nodes.push(line('rule', 0, HEAD - 5, contentWidth, HEAD - 5));
  let y = HEAD;
  for (const row of rows) {
    const cells = row.map((cell, index) => linesOf(cell, columns[index]?.width ?? 0));
    for (const [index, lines] of cells.entries()) {
      const tone = row[index]?.tone;
      for (const [at, text] of lines.entries()) {
        nodes.push(
          label(tone === undefined ? 'body' : `strong-${tone}`, lefts[index] ?? 0, y + 11 + at * LINE, text),
        );
      }
    }
    y += Math.max(1, ...cells.map((lines) => lines.length)) * LINE + 4;
    nodes.push(line('rule', 0, y - 2, contentWidth, y - 2));
  }
  const told = rows.map((row) =>
    row
      .map(({ text }) => text)
      .filter((text) => text !== '')
      .join(', '),
  );
  return svgDocument({
    title,
    ...(subtitle === undefined ? {} : { subtitle }),
    description: [subtitle ?? title, ...told].map((each) => `${each}.`).join(' '),
    body: { nodes, height: y },
    notes: [...notes],
  });
}

function linesOf({ text, tone }: TableCell, columnWidth: number): string[] {
  if (text === '') return [];
  return wrap(text, columnWidth - GAP, size.body, tone === undefined ? sansWidth : sansBoldWidth);
}

function check(columns: readonly TableColumn[], rows: readonly (readonly TableCell[])[]): void {
  const total = columns.reduce((sum, { width }) => sum + width, 0);
  if (total > contentWidth) throw new PictureError(`A table of ${total} px does not fit ${contentWidth} px.`);
  if (rows.length > MAX_ROWS)
    throw new PictureError(`A table of ${rows.length} rows; at most ${MAX_ROWS} are drawn.`);
  const odd = rows.findIndex((row) => row.length !== columns.length);
  if (odd !== -1) throw new PictureError(`Row ${odd} of a table does not have ${columns.length} cells.`);
}
