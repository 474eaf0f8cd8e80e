import { fit, monoWidth, sansWidth } from '../svg/measure.js';
import type { SvgNode } from '../svg/node.js';
import { box, hatch, label, line } from '../svg/shapes.js';
import { size, type StyleName } from '../theme/styles.js';
import { formatTime, type Axis } from './axis.js';
import type { PhaseKind, TimelinePhase } from './model.js';

export const ROW = 24;
const BAR = 14;
const MAX_ROWS = 40;

/** Bars by what the time went into: getting a machine, the test's own work, clearing up. */
const barStyle: Record<PhaseKind, StyleName> = {
  launch: 'box-accent',
  boot: 'box-accent',
  restore: 'box-accent',
  ssh: 'box-accent',
  mapping: 'area-write',
  walk: 'area-write',
  assertion: 'area-write',
  teardown: 'area-read',
  other: 'area-read',
};

/** The phases that get a row, in order of start; of very many the longest and all that failed or never ended. */
export function shownPhases(phases: readonly TimelinePhase[]): { shown: TimelinePhase[]; left: number } {
  const weight = (phase: TimelinePhase): number =>
    phase.outcome === 'failed' || phase.end === undefined ? Infinity : phase.end - phase.start;
  const shown = [...phases]
    .sort((a, b) => weight(b) - weight(a) || a.start - b.start)
    .slice(0, MAX_ROWS)
    .sort((a, b) => a.start - b.start || weight(b) - weight(a));
  return { shown, left: phases.length - shown.length };
}

/** One row: the name on the left, the bar on the axis, how long it took beside the bar. */
export function phaseRow(
  phase: TimelinePhase,
  y: number,
  axis: Axis,
  right: number,
  nameWidth: number,
): SvgNode[] {
  const start = axis.x(phase.start);
  const barWidth = Math.max(axis.x(phase.end ?? axis.last) - start, 3);
  const top = y + (ROW - BAR) / 2;
  const failed = phase.outcome === 'failed';
  const nodes: SvgNode[] = [
    label(failed ? 'strong-bad' : 'body', 0, y + 16, fit(phase.name, nameWidth, size.body, sansWidth)),
    box(failed ? 'box-bad' : barStyle[phase.kind], start, top, barWidth, BAR),
  ];
  if (failed) nodes.push(hatch('hatch-bad', start, top, barWidth, BAR));

  const open = phase.end === undefined;
  if (open) nodes.push(line('mark', start + barWidth, top - 3, start + barWidth, top + BAR + 3));
  const said = `${formatTime((phase.end ?? axis.last) - phase.start)}${failed ? ' ✗ failed' : ''}${open ? ' … not finished' : ''}`;
  const saidWidth = monoWidth(said, size.small);
  const style = failed ? 'mono-small-bad' : 'mono-small-muted';
  if (start + barWidth + 6 + saidWidth <= right) {
    nodes.push(label(style, start + barWidth + 6, y + 16, said, 'halo'));
  } else if (start - 6 - saidWidth >= axis.x(axis.first)) {
    nodes.push(label(style, start - 6, y + 16, said, 'end', 'halo'));
  } else {
    // A bar as long as the axis: its text stands inside it, on a surface of its own so that no pattern runs through it.
    nodes.push(box('surface', start + 6, top + 1, saidWidth + 8, BAR - 2));
    nodes.push(label(style, start + 10, y + 16, said));
  }
  return nodes;
}

/** A phase in words. */
export function tellPhase(phase: TimelinePhase, axis: Axis): string {
  const time = formatTime((phase.end ?? axis.last) - phase.start);
  const end = phase.end === undefined ? `was not finished after ${time}` : `took ${time}`;
  const outcome = phase.outcome === 'failed' ? ' and failed' : '';
  return `${phase.name} (${phase.kind}) began at ${formatTime(phase.start)}, ${end}${outcome}.`;
}
