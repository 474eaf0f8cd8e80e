import { expect, test } from '@playwright/test';
import { timelinePicture, PictureError, type TimelineEvent } from '../../../lib/picture/index.js';
import { axisOf, formatTime } from '../../../lib/picture/timeline/axis.js';
import { namedEvents } from '../../../lib/picture/timeline/events.js';
import { events, gallery, manyEvents, phases } from './gallery.js';
import { drawn, type Drawn } from './markup.js';

const picture = drawn(gallery.timeline ?? '');
const texts = (from: Drawn): string[] => from.texts.map(({ text }) => text);

/** The bar beside a phase's name. */
function barOf(name: string): { left: number; right: number } {
  const label = picture.texts.find(({ text }) => text === name);
  const bar = picture.boxes.find(
    ({ top, bottom, left }) =>
      label !== undefined && top < label.bottom && bottom > label.top && left > 200 && top > 100,
  );
  if (bar === undefined) throw new Error(`no bar beside '${name}'`);
  return bar;
}

test('every phase has its name and how long it took', () => {
  for (const { name } of phases) expect(texts(picture)).toContain(name);
  for (const duration of ['120 ms', '1.38 s', '1.6 s', '92 ms', '0.4 ms', '175 ms']) {
    expect(texts(picture)).toContain(duration);
  }
});

test('bars lie on the axis where their times are', () => {
  const kernel = barOf('boot: kernel');
  const init = barOf('boot: init');
  const scale = (kernel.right - kernel.left) / 1380;
  expect(init.left).toBeCloseTo(kernel.right, 0);
  expect((init.right - init.left) / 1600).toBeCloseTo(scale, 3);
  expect((barOf('restore snapshot').left - init.left) / 1900).toBeCloseTo(scale, 3);
});

test('what failed says so in words, and its row is hatched', () => {
  expect(texts(picture)).toContain('598 ms ✗ failed');
  expect(picture.description).toContain(
    'expect user bit cleared (assertion) began at 612 ms, took 598 ms and failed.',
  );
  expect(gallery.timeline).toContain('-hatch-bad)"');
});

test('a phase without an end is named as not finished', () => {
  const hung = drawn(gallery['timeline, one long phase'] ?? '');
  expect(hung.description).toContain('was not finished after 20 s');
  expect(texts(hung)).toContain('20 s … not finished');
  expect(texts(hung).join()).toContain('1 phase; none failed; not finished: boot: init');
});

test('errors and warnings are written out in full, tied to their time, in order of time', () => {
  const shown = texts(picture);
  expect(shown).toContain('ERROR BUG: unable to handle page fault for ffff888000001000');
  expect(shown).toContain('WARNING vfio_iommu_type1: huge PMD at 0x7f1234600000 skipped');
  expect(shown.join(' ')).toContain('0x800000001f0ba867 -> 0x800000001f0ba863');
  expect(shown).toContain('640 ms');
});

test('a talkative console does not push the kernel log out, and the beginning and the end are kept', () => {
  const named = namedEvents(manyEvents.filter(({ severity }) => severity === undefined));
  const bySource = (source: string): TimelineEvent[] => named.filter((event) => event.source === source);
  expect(bySource('console')).toHaveLength(7);
  expect(bySource('kernel log')).toHaveLength(7);
  expect(named[0]?.text).toBe('line 0');
  expect(named.at(-1)?.text).toBe('line 9999');
  expect(named.map(({ at }) => at)).toEqual(named.map(({ at }) => at).sort((a, b) => a - b));
});

test('the one error among 10,000 events is named, and the summary is said', () => {
  const busy = drawn(gallery['timeline, many events'] ?? '');
  expect(texts(busy)).toContain('ERROR line 7777');
  expect(texts(busy).join(' ')).toContain('10,000 events; 14 are written out');
  expect(busy.description).toContain('10,000 events; 14 are written out');
});

test('all events are named and nothing is said of a summary when they are few', () => {
  const few = drawn(timelinePicture({ title: 't', phases, events: events.slice(-5) }));
  expect(few.description).not.toContain('written out');
  for (const event of events.slice(-5)) expect(few.description).toContain(event.text.slice(0, 60));
});

test('of 500 phases the longest 40 are shown, and the rest are counted', () => {
  const many = drawn(gallery['timeline, many phases'] ?? '');
  expect(texts(many).filter((text) => text.startsWith('step '))).toHaveLength(40);
  expect(texts(many)).toContain('460 shorter phases are left out.');
  expect(texts(many)).not.toContain('step 0');
  expect(texts(many)).toContain('step 16');
});

test('an error that comes last in a long list of phases is kept', () => {
  const svg = timelinePicture({
    title: 't',
    phases: [
      ...Array.from({ length: 100 }, (_, index) => ({
        name: `s${index}`,
        kind: 'other' as const,
        start: 0,
        end: 9,
      })),
      { name: 'short failure', kind: 'assertion', start: 9, end: 9, outcome: 'failed' },
    ],
  });
  expect(texts(drawn(svg))).toContain('short failure');
});

test('ticks are round and lie within the axis', () => {
  const axis = axisOf({ title: '', phases: [{ name: 'a', kind: 'boot', start: -3400, end: 1390 }] }, 0, 100);
  expect(axis.ticks).toEqual([-3000, -2000, -1000, 0, 1000]);
  expect(axis.x(-3400)).toBe(0);
  expect(axis.x(1390)).toBe(100);
  for (const last of [0.3, 7, 99, 1234, 155_000, 1e9]) {
    const { ticks } = axisOf({ title: '', phases: [{ name: 'a', kind: 'boot', start: 0, end: last }] }, 0, 1);
    expect(ticks.length).toBeGreaterThanOrEqual(3);
    expect(ticks.length).toBeLessThanOrEqual(10);
  }
});

test('times read well in every size', () => {
  expect([0, 0.4, 9.96, 10, 999, 999.6, 1000, 1950, 59_994, 155_000].map(formatTime)).toEqual([
    '0',
    '0.4 ms',
    '10 ms',
    '10 ms',
    '999 ms',
    '1 s',
    '1 s',
    '1.95 s',
    '59.99 s',
    '155 s',
  ]);
  expect(formatTime(-3200)).toBe('-3.2 s');
});

test('times that are none are refused by name', () => {
  const one =
    (start: number, end: number): (() => string) =>
    () =>
      timelinePicture({ title: 't', phases: [{ name: 'ssh', kind: 'ssh', start, end }] });
  expect(one(5, 4)).toThrow(PictureError);
  expect(one(5, 4)).toThrow(`phase 'ssh' ends before it starts`);
  expect(one(NaN, 4)).toThrow(`the start of phase 'ssh' has NaN`);
  expect(() =>
    timelinePicture({ title: 't', phases: [], events: [{ at: Infinity, source: 'console', text: '' }] }),
  ).toThrow(`an event of 'console' has Infinity`);
});

test('lines of the same millisecond are written out in the order in which they were printed', () => {
  const lines = Array.from({ length: 8 }, (_, index) => ({
    at: 1840,
    source: 'kernel log',
    text: `line ${String(index)}`,
  }));
  expect(namedEvents(lines).map(({ text }) => text)).toEqual(lines.map(({ text }) => text));
});
