import { at, el, type SvgNode } from '../svg/node.js';
import { line } from '../svg/shapes.js';
import type { StyleName } from '../theme/styles.js';

/**
 * How a row's stop is drawn. `unexpected`: the walk goes on, but the entry is not what it should be. `fault`: it ends here.
 */
export type StopKind = 'passed' | 'unexpected' | 'fault' | 'not-reached';

/** One rung of a walk. */
export interface Row {
  nodes: SvgNode[];
  height: number;
  kind: StopKind;
  /** Where the row's stop is, from its top. */
  stopY: number;
}

const X = 9;
const RADIUS = 6;

const stopStyle: Record<StopKind, StyleName> = {
  passed: 'box-accent',
  unexpected: 'box-bad',
  fault: 'box-bad',
  'not-reached': 'dashed',
};

/** Rows under one another from `top` on, with their stops on the left, joined by arrows as far as the walk came. */
export function ladder(rows: readonly Row[], top: number): { nodes: SvgNode[]; bottom: number } {
  const nodes: SvgNode[] = [];
  let y = top;
  rows.forEach((row, index) => {
    const next = rows[index + 1];
    nodes.push(at(0, y, ...row.nodes));
    if (next !== undefined) nodes.push(...way(row.kind, y + row.stopY, y + row.height + next.stopY));
    nodes.push(...stop(row.kind, y + row.stopY));
    y += row.height;
  });
  return { nodes, bottom: y };
}

function way(kind: StopKind, from: number, to: number): SvgNode[] {
  const leads = kind === 'passed' || kind === 'unexpected';
  const shaft = line(leads ? 'path' : 'dashed', X, from + RADIUS + 1, X, to - RADIUS - 1);
  if (!leads) return [shaft];
  return [shaft, el('path', { class: 'path-head', d: `M${X - 4},${to - 13}h8l-4,7Z` })];
}

function stop(kind: StopKind, y: number): SvgNode[] {
  const circle = el('circle', { class: stopStyle[kind], cx: X, cy: y, r: RADIUS });
  if (kind === 'passed' || kind === 'not-reached') return [circle];
  return [circle, el('path', { class: 'mark', d: `M${X - 3},${y - 3}l6,6M${X + 3},${y - 3}l-6,6` })];
}
