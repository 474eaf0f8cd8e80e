import { PictureError } from '../picture-error.js';
import type { Timeline } from './model.js';

/** One linear axis in ms. */
export interface Axis {
  first: number;
  last: number;
  /** px of a time. */
  x(time: number): number;
  ticks: number[];
}

/** An axis that holds every phase and event of `timeline` between `left` and `right` px, with 4 to 9 round ticks. */
export function axisOf(timeline: Timeline, left: number, right: number): Axis {
  let first = 0;
  let last = 1;
  const take = (time: number, what: string): void => {
    if (!Number.isFinite(time)) {
      throw new PictureError(`a timeline needs finite times in ms, but ${what} has ${time}`);
    }
    first = Math.min(first, time);
    last = Math.max(last, time);
  };
  for (const phase of timeline.phases) {
    take(phase.start, `the start of phase '${phase.name}'`);
    if (phase.end === undefined) continue;
    take(phase.end, `the end of phase '${phase.name}'`);
    if (phase.end < phase.start) throw new PictureError(`phase '${phase.name}' ends before it starts`);
  }
  if (timeline.until !== undefined) take(timeline.until, 'its end');
  for (const event of timeline.events ?? []) take(event.at, `an event of '${event.source}'`);

  const step = roundStep((last - first) / 8);
  const ticks: number[] = [];
  for (let index = Math.ceil(first / step); index * step <= last; index++) ticks.push(index * step);
  return { first, last, ticks, x: (time) => left + ((time - first) / (last - first)) * (right - left) };
}

/** The next larger of 1, 2 or 5 times a power of ten. */
function roundStep(atLeast: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(atLeast));
  const factor = [1, 2, 5].find((each) => each * magnitude >= atLeast) ?? 10;
  return factor * magnitude;
}

/** A duration or an instant for a reader: `0.4 ms`, `120 ms`, `1.95 s`, `154 s`. */
export function formatTime(ms: number): string {
  const amount = Math.abs(ms);
  if (amount === 0) return '0';
  if (amount < 10) return `${trim(ms.toFixed(1))} ms`;
  if (amount < 999.5) return `${ms.toFixed(0)} ms`;
  if (amount < 99_995) return `${trim((ms / 1000).toFixed(2))} s`;
  return `${(ms / 1000).toFixed(0)} s`;
}

function trim(decimal: string): string {
  return decimal.replace(/\.?0+$/, '');
}
