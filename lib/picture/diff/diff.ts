import type { Change, ChangeKind } from '../../paging/diff/result.js';
import { svgDocument } from '../svg/document.js';
import { hex, hex64 } from '../svg/hex.js';
import type { SvgNode } from '../svg/node.js';
import { label, line } from '../svg/shapes.js';
import { contentWidth } from '../theme/styles.js';
import type { DiffDiagram } from './model.js';
import { changeRow, columnHeads, count, tellChange } from './rows.js';

const MAX_ROWS = 24;
const HEAD = 22;

/**
 * Before and after: a row per stretch of addresses to which the same happened, with both leaf entries, the digits in which
 * they differ underlined, and the bits by name. Of more than 24 stretches the changed ones come first, then the longest; the
 * notes say how many are left out.
 */
export function diffPicture({ title, subtitle, diff }: DiffDiagram): string {
  const shown = chosen(diff.changes);
  const nodes: SvgNode[] = [...columnHeads(), line('rule', 0, HEAD - 6, contentWidth, HEAD - 6)];
  let y = HEAD;
  for (const change of shown) {
    const row = changeRow(change, y);
    nodes.push(...row.nodes);
    y += row.height;
  }
  if (shown.length === 0) {
    nodes.push(label('body', 0, y + 16, 'Nothing was mapped, unmapped or changed.'));
    y += 24;
  }
  const kinds: ChangeKind[] = ['changed', 'mapped', 'unmapped'];
  const total = kinds.map((kind) => `${count(diff.pages[kind])} ${kind}`).join(', ');
  const notes = [];
  if (shown.length < diff.changes.length) {
    const left = (diff.changes.length - shown.length).toLocaleString('en');
    notes.push(`${left} more stretches are left out: changed ones are shown first, then the longest.`);
  }
  if (!diff.complete)
    notes.push('One of the scans was cut short: what lies behind its end may be reported wrongly.');
  return svgDocument({
    title,
    subtitle: [subtitle, total].filter((each) => each !== undefined).join(' · '),
    description: [`${total}.`, ...notes, ...shown.map(tell)].join(' '),
    body: { nodes, height: y },
    notes,
  });
}

function chosen(changes: readonly Change[]): Change[] {
  const rank = (change: Change): number => (change.kind === 'changed' ? 0 : 1);
  const byRank = [...changes].sort((a, b) => rank(a) - rank(b) || b.pages - a.pages);
  const kept = new Set(byRank.slice(0, MAX_ROWS));
  return changes.filter((change) => kept.has(change));
}

function tell(change: Change): string {
  const sides = [change.before, change.after].map((side) =>
    side === undefined ? 'not mapped' : hex64(side.raw),
  );
  const what = tellChange(change);
  return `${hex(change.start)} (${count(change.pages)}) ${change.kind}: ${sides.join(' to ')}${what.length > 0 ? `, ${what.join(', ')}` : ''}.`;
}
