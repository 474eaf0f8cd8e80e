import { fit, monoWidth, wrap } from '../svg/measure.js';
import { el, type SvgNode } from '../svg/node.js';
import { clipped, label, line } from '../svg/shapes.js';
import { contentWidth, size, type StyleName } from '../theme/styles.js';
import { formatTime, type Axis } from './axis.js';
import type { TimelineEvent } from './model.js';

const MAX_NAMED = 14;
export const TRACK = 30;
/** px that one column of a track stands for. */
const COLUMN = 3;
const LIST_LINE = 15;
const LIST_GAP = 4;

type Severity = NonNullable<TimelineEvent['severity']>;
const rank: Record<Severity, number> = { error: 0, warning: 1, info: 2 };
const textStyle: Record<Severity, StyleName> = {
  error: 'mono-small-bad',
  warning: 'mono-small-warn',
  info: 'mono-small',
};

const severity = (event: TimelineEvent): Severity => event.severity ?? 'info';

/**
 * The events that are written out, in order of time: errors before warnings before the rest. Among equals the sources take
 * turns, so that a talkative console does not hide the kernel log, each giving its first, its last, its second, … since
 * the beginning and the end tell most.
 */
export function namedEvents(events: readonly TimelineEvent[]): TimelineEvent[] {
  // Of one moment, those that are as grave as each other stay as they were given: a clock of milliseconds does not tell them apart.
  const byTime = [...events].sort((a, b) => a.at - b.at || rank[severity(a)] - rank[severity(b)]);
  const chosen = new Set<TimelineEvent>();
  for (const level of ['error', 'warning', 'info'] as const) {
    const group = byTime.filter((event) => severity(event) === level);
    for (const event of takeTurns(group, MAX_NAMED - chosen.size)) chosen.add(event);
  }
  return byTime.filter((event) => chosen.has(event));
}

function takeTurns(events: readonly TimelineEvent[], most: number): TimelineEvent[] {
  const sources = [...new Set(events.map((event) => event.source))];
  const queues = sources.map((source) =>
    fromBothEnds(
      events.filter((event) => event.source === source),
      most,
    ),
  );
  const taken: TimelineEvent[] = [];
  for (let turn = 0; turn < most; turn++) {
    for (const queue of queues) {
      const event = queue[turn];
      if (event !== undefined && taken.length < most) taken.push(event);
    }
  }
  return taken;
}

/** First, last, second, last but one, …: at most `most` of them. */
function fromBothEnds<T>(items: readonly T[], most: number): T[] {
  const order = items.map((_, index) => (index % 2 === 0 ? index / 2 : items.length - (index + 1) / 2));
  return order.slice(0, most).flatMap((index) => items.slice(index, index + 1));
}

/** All events of one source: a stroke per 3 px, as tall as (the logarithm of) how many there are; errors get a dot. */
export function track(
  source: string,
  events: readonly TimelineEvent[],
  y: number,
  axis: Axis,
  nameWidth: number,
): SvgNode[] {
  const columns = new Map<number, { count: number; worst: Severity }>();
  for (const event of events) {
    const key = Math.round(axis.x(event.at) / COLUMN);
    const column = columns.get(key);
    if (column === undefined) columns.set(key, { count: 1, worst: severity(event) });
    else {
      column.count++;
      if (rank[severity(event)] < rank[column.worst]) column.worst = severity(event);
    }
  }
  const base = y + TRACK - 6;
  const tallest = TRACK - 14;
  const most = Math.max(2, ...[...columns.values()].map((column) => column.count));
  const nodes = [
    label(
      'body',
      0,
      base - 2,
      fit(`${source} (${events.length.toLocaleString('en')})`, nameWidth, size.body, monoWidth),
    ),
    line('rule', axis.x(axis.first), base, axis.x(axis.last), base),
  ];
  for (const [key, { count, worst }] of columns) {
    const x = key * COLUMN;
    const height = 5 + (tallest - 5) * (Math.log(count) / Math.log(most));
    nodes.push(line(worst === 'error' ? 'mark' : 'path', x, base, x, base - height));
    if (worst === 'error') nodes.push(el('circle', { class: 'bad-dot', cx: x, cy: base - height - 2, r: 3 }));
  }
  return nodes;
}

/** Numbers under the tracks, each tied to its instant, moved aside where they would meet. */
export function numbers(
  named: readonly TimelineEvent[],
  y: number,
  axis: Axis,
): { nodes: SvgNode[]; height: number } {
  const STEP = 20;
  const places = named.map((event) => axis.x(event.at));
  for (let index = 1; index < places.length; index++) {
    places[index] = Math.max(places[index] ?? 0, (places[index - 1] ?? 0) + STEP);
  }
  let limit = contentWidth - 8;
  for (let index = places.length - 1; index >= 0; index--, limit -= STEP) {
    places[index] = Math.min(places[index] ?? 0, limit);
  }
  const nodes = named.flatMap((event, index) => {
    const place = places[index] ?? 0;
    const bad = severity(event) === 'error';
    return [
      el('path', {
        class: 'outline',
        d: `M${Math.round(axis.x(event.at))},${y}V${y + 3}L${Math.round(place)},${y + 13}`,
      }),
      el('circle', { class: bad ? 'box-bad' : 'box', cx: place, cy: y + 22, r: 8.5 }),
      label(bad ? 'mono-small-bad' : 'mono-small', place, y + 26, `${index + 1}`, 'middle'),
    ];
  });
  return { nodes, height: named.length === 0 ? 0 : 38 };
}

/** An entry of the list: number, instant, source, severity in letters, text on at most two lines. */
export function listEntry(
  event: TimelineEvent,
  index: number,
  y: number,
  sourceWidth: number,
): { nodes: SvgNode[]; height: number } {
  const level = severity(event);
  const base = y + 13;
  const textX = 124 + sourceWidth;
  const available = contentWidth - textX;
  const text = `${level === 'info' ? '' : `${level.toUpperCase()} `}${event.text}`;
  const wrapped = wrap(text, available, size.small, monoWidth);
  const lines =
    wrapped.length > 2
      ? [wrapped[0] ?? '', fit(wrapped.slice(1).join(' '), available, size.small, monoWidth)]
      : wrapped;
  const height = LIST_GAP + LIST_LINE * lines.length;
  return {
    nodes: [
      label('mono-small-muted', 20, base, `${index + 1}`, 'end'),
      label('mono-small-muted', 98, base, formatTime(event.at), 'end'),
      label('mono-small-muted', 112, base, fit(event.source, sourceWidth, size.small, monoWidth)),
      clipped(
        textX,
        y,
        available,
        height,
        el('g', {}, ...lines.map((each, row) => label(textStyle[level], 0, 13 + row * LIST_LINE, each))),
      ),
    ],
    height,
  };
}

/** An event in words. */
export function tellEvent(event: TimelineEvent): string {
  const level = severity(event);
  return `${formatTime(event.at)} ${event.source}${level === 'info' ? '' : ` ${level}`}: ${event.text.slice(0, 120)}`;
}
