import { svgDocument } from '../svg/document.js';
import { monoWidth } from '../svg/measure.js';
import type { SvgNode } from '../svg/node.js';
import { label, line } from '../svg/shapes.js';
import { contentWidth, size } from '../theme/styles.js';
import { axisOf, formatTime, type Axis } from './axis.js';
import { listEntry, namedEvents, numbers, tellEvent, TRACK, track } from './events.js';
import type { Timeline, TimelineEvent, TimelinePhase } from './model.js';
import { phaseRow, ROW, shownPhases, tellPhase } from './phases.js';

const NAME_WIDTH = 180;
const AXIS_LEFT = 196;
const AXIS_HEIGHT = 22;
const MAX_TRACKS = 8;

/**
 * A test as it went: a row per phase on one time axis, under it a track per source of events, and the events that matter
 * (errors first) written out and tied to their instants. Very many phases or events are summarised, and the notes say so.
 *
 * @throws PictureError for a time that is not finite or a phase that ends before it starts.
 */
export function timelinePicture(timeline: Timeline): string {
  const axis = axisOf(timeline, AXIS_LEFT, contentWidth - 4);
  const events = timeline.events ?? [];
  const { shown, left } = shownPhases(timeline.phases);
  const named = namedEvents(events);
  const sources = [...new Set(events.map((event) => event.source))];
  const tracks = sources.slice(0, MAX_TRACKS);
  const sourceWidth =
    Math.min(110, Math.max(0, ...named.map((event) => monoWidth(event.source, size.small)))) + 8;

  const nodes: SvgNode[] = [];
  let y = AXIS_HEIGHT;
  for (const phase of shown) {
    nodes.push(...phaseRow(phase, y, axis, contentWidth, NAME_WIDTH));
    y += ROW;
  }
  y += 6;
  for (const source of tracks) {
    const its = events.filter((event) => event.source === source);
    nodes.push(...track(source, its, y, axis, NAME_WIDTH));
    y += TRACK;
  }
  const failed = shown.filter((phase) => phase.outcome === 'failed');
  const grid = [
    ...axisLines(axis, y),
    ...failed.map((phase) => failureLine(axis.x(phase.end ?? axis.last), y)),
  ];
  const numbered = numbers(named, y, axis);
  nodes.push(...numbered.nodes);
  y += numbered.height;
  named.forEach((event, index) => {
    const entry = listEntry(event, index, y, sourceWidth);
    nodes.push(...entry.nodes);
    y += entry.height;
  });

  const notes = [];
  if (left > 0) notes.push(`${left.toLocaleString('en')} shorter phases are left out.`);
  if (sources.length > tracks.length)
    notes.push(`${sources.length - tracks.length} more sources have no track here.`);
  if (named.length < events.length) {
    notes.push(
      `${events.length.toLocaleString('en')} events; ${named.length} are written out: errors first, then warnings, then ` +
        'the first and the last of each source. A stroke stands for all events within 3 px; its height grows with their number.',
    );
  }
  const total = summary(axis, timeline);
  return svgDocument({
    title: timeline.title,
    subtitle: total,
    description: [
      `${total}.`,
      ...notes,
      ...shown.map((phase) => tellPhase(phase, axis)),
      ...named.map((event: TimelineEvent) => tellEvent(event)),
    ].join(' '),
    body: { nodes: [...grid, ...nodes], height: y },
    notes,
  });
}

function axisLines(axis: Axis, bottom: number): SvgNode[] {
  const far = contentWidth - 24;
  return axis.ticks.flatMap((tick) => {
    const x = axis.x(tick);
    return [
      line('rule', x, AXIS_HEIGHT - 6, x, bottom),
      label('mono-small-muted', x, AXIS_HEIGHT - 11, formatTime(tick), x > far ? 'end' : 'middle'),
    ];
  });
}

/** Down from the axis at a failure's instant: which lines of the logs came just before it. */
function failureLine(x: number, bottom: number): SvgNode {
  return line('bad-dashed', x, AXIS_HEIGHT - 6, x, bottom);
}

function summary(axis: Axis, { phases }: Timeline): string {
  const count = phases.length === 1 ? '1 phase' : `${phases.length.toLocaleString('en')} phases`;
  const names = (which: readonly TimelinePhase[]): string => {
    const more = which.length > 3 ? ` and ${which.length - 3} more` : '';
    return `${which
      .slice(0, 3)
      .map(({ name }) => name)
      .join(', ')}${more}`;
  };
  const failed = phases.filter(({ outcome }) => outcome === 'failed');
  const open = phases.filter(({ end }) => end === undefined);
  return [
    `${formatTime(axis.last - axis.first)} in all, ${count}`,
    failed.length === 0 ? 'none failed' : `failed: ${names(failed)}`,
    ...(open.length === 0 ? [] : [`not finished: ${names(open)}`]),
  ].join('; ');
}
