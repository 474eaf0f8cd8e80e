import type { TableEntry } from '../../paging/entry.js';
import type { Walk } from '../../paging/walk/result.js';
import { hex64 } from '../svg/hex.js';
import type { SvgNode } from '../svg/node.js';
import { box, label } from '../svg/shapes.js';
import { BOX_WIDTH, NAME_X } from './rows.js';

/** Five of them fit: as many as there are levels. */
const WIDTH = 145;
const GAP = 8;
export const CELL_HEIGHT = 36;

/** What an entry permits, `-` for what it does not: which bits say so differs by format. */
export function entryLetters({ raw, format, present }: TableEntry): string {
  const set = (bit: number): boolean => ((raw >> BigInt(bit)) & 1n) === 1n;
  const x86 = [set(0), set(1), !set(63), set(2)];
  const permitted = format === 'ept' ? [set(0), set(1), set(2)] : format === 'vtd' ? [set(0), set(1)] : x86;
  return permitted.map((each, index) => (each && present ? ('rwxu'[index] ?? '') : '-')).join('');
}

/** The second dimension's entries side by side, one small box per level; the one at which it faults is marked. */
export function nestedCells(walk: Walk, y: number): SvgNode[] {
  const cells = walk.steps.flatMap((step, index) => {
    const x = NAME_X + index * (WIDTH + GAP);
    const faults = !walk.mapped && walk.fault.level === step.level;
    return [
      box(faults ? 'mark-fill' : 'box', x, y, WIDTH, CELL_HEIGHT),
      label('mono-small-strong', x + 8, y + 15, `${step.name}[${step.index}]`),
      label('mono-small', x + WIDTH - 8, y + 15, entryLetters(step.entry), 'end'),
      label(faults ? 'mono-small-bad' : 'mono-small', x + 8, y + 30, hex64(step.raw)),
    ];
  });
  if (walk.mapped || walk.steps.some((step) => step.level === walk.fault.level)) return cells;
  const x = NAME_X + walk.steps.length * (WIDTH + GAP);
  const width = Math.min(WIDTH, BOX_WIDTH - x);
  return [
    ...cells,
    box('mark-fill', x, y, width, CELL_HEIGHT),
    label('mono-small-bad', x + 8, y + 15, walk.fault.name),
    label('mono-small-bad', x + 8, y + 30, walk.fault.reason),
  ];
}
