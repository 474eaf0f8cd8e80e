import { expect, test } from '@playwright/test';
import { parseKernelLog } from '../../../lib/guest/kernel-log/index.js';
import type { KernelLogEntry } from '../../../lib/guest/kernel-log/index.js';
import { detectReports, ReportDetector } from '../../../lib/guest/reports/index.js';
import { recorded } from './recorded.js';

function entriesOf(name: string): KernelLogEntry[] {
  return parseKernelLog(recorded(name), { format: 'dmesg' });
}

function ordinary(index: number, time = 1): KernelLogEntry {
  return { text: `eth0: ordinary line ${index}`, time };
}

const complete = [
  'warn',
  'bug',
  'oops-null',
  'kasan',
  'ubsan',
  'lockdep',
  'hung-task',
  'soft-lockup',
  'list-corruption',
];

for (const name of complete) {
  test(`${name}: another CPU's line between any two does not end it`, () => {
    const entries = entriesOf(name);
    const plain = detectReports(entries);
    const mixed = entries.flatMap((entry, index) => [entry, ordinary(index, entry.time)]);
    const found = detectReports(mixed);
    expect(found.map(({ kind, where, complete }) => [kind, where, complete])).toEqual(
      plain.map(({ kind, where, complete }) => [kind, where, complete]),
    );
    for (const { title } of found) expect(title).not.toContain('eth0');
    const last = plain.at(-1)?.text.split('\n') ?? [];
    expect(
      found
        .at(-1)
        ?.text.split('\n')
        .filter((line) => !line.startsWith('eth0')),
    ).toEqual(last);
  });

  test(`${name}: what comes after it is not part of it`, () => {
    const after = Array.from({ length: 200 }, (_, index) => ordinary(index, 500));
    const found = detectReports([...entriesOf(name), ...after]);
    expect(found.map(({ text }) => text)).toEqual(detectReports(entriesOf(name)).map(({ text }) => text));
  });
}

test('two reports of two CPUs, line by line, are both found, in the order in which they began', () => {
  const warn = entriesOf('warn').slice(1, -1);
  const lockup = entriesOf('soft-lockup').slice(0, -1);
  const mixed = Array.from({ length: 30 }, (_, index) => [warn[index], lockup[index]])
    .flat()
    .filter((entry) => entry !== undefined)
    .map((entry) => ({ ...entry, time: 1 }));
  const reports = detectReports(mixed);
  expect(reports.map(({ kind }) => kind)).toEqual(['warning', 'soft-lockup']);
  expect(reports.map(({ complete }) => complete)).toEqual([true, true]);
});

test('a report that another one interrupts goes on after it', () => {
  const warn = entriesOf('warn').slice(1, -1);
  const dmar = entriesOf('dmar').slice(1, 3);
  const at = { time: 52.12 };
  const reports = detectReports(
    [...warn.slice(0, 10), ...dmar, ...warn.slice(10)].map((entry) => ({ ...entry, ...at })),
  );
  expect(reports.map(({ kind }) => kind)).toEqual(['warning', 'dmar-fault']);
  expect(reports[0]?.text).toBe(warn.map(({ text }) => text).join('\n'));
});

test('a report whose end never comes is closed as not complete, without the lines after it', () => {
  const begun = entriesOf('warn').slice(1, 12);
  const after = Array.from({ length: 100 }, (_, index) => ordinary(index, 52.2));
  // What comes that late is no part of it, though it looks like one.
  const frame = { text: ' someone_else+0x1/0x2', time: 52.2 };
  const reports = detectReports([...begun, ...after, frame]);
  expect(reports).toHaveLength(1);
  expect(reports[0]).toMatchObject({ kind: 'warning', complete: false });
  expect(reports[0]?.text).toBe(begun.map(({ text }) => text).join('\n'));
});

test('lines long after a report that has no end do not belong to it', () => {
  const begun = entriesOf('warn').slice(1, 12);
  const late = [' someone_else+0x1/0x2', '---[ end trace 0000000000000000 ]---'].map((text) => ({
    text,
    time: 99,
  }));
  const reports = detectReports([...begun, ...late]);
  expect(reports.map(({ text }) => text)).toEqual([begun.map(({ text }) => text).join('\n')]);
});

test('a guest that dies in the midst of an oops still leaves a report with its place', () => {
  const begun = entriesOf('oops-null').slice(2, 10);
  expect(detectReports(begun)).toEqual([
    expect.objectContaining({
      kind: 'page-fault',
      grade: 'fatal',
      complete: false,
      title: 'NULL pointer dereference at 0x0 in fault_trigger+0x2a/0x90 [fault_module]',
    }),
  ]);
});

test('records lost inside a report are shown in its text, and it is not complete', () => {
  const warn = entriesOf('warn').slice(1, -1);
  const loss: KernelLogEntry = {
    text: '[5 kernel record(s) were lost here]',
    lost: { count: 5, where: 'overrun' },
  };
  const [report] = detectReports([...warn.slice(0, 5), loss, ...warn.slice(10)]);
  expect(report).toMatchObject({ kind: 'warning', complete: false });
  expect(report?.text).toContain(loss.text);
});

test('a hundred reports that begin and never end are bounded, and none is lost', () => {
  const opening: KernelLogEntry = { text: 'INFO: task a:1 blocked for more than 120 seconds.', time: 1 };
  expect(detectReports(Array.from({ length: 100 }, () => opening))).toHaveLength(100);
});

test('a report belongs to the window in which it began, and to that one only', () => {
  const warn = entriesOf('warn');
  const detector = new ReportDetector();
  for (const entry of warn.slice(0, 10)) detector.push(entry);
  expect(detector.reportsBetween(0)).toMatchObject([{ kind: 'warning', index: 1, complete: false }]);
  expect(detector.reportsBetween(2)).toEqual([]);
  expect(detector.reportsBetween(0, 1)).toEqual([]);
  for (const entry of warn.slice(10)) detector.push(entry);
  expect(detector.reportsBetween(0, 10)).toMatchObject([{ kind: 'warning', index: 1, complete: true }]);
  expect(detector.reportsBetween(10)).toEqual([]);
});

test('a second oops that begins in the backtrace of the first is a report of its own', () => {
  const first = entriesOf('oops-null').slice(2, 19);
  const second = entriesOf('panic-after-oops').slice(0, 13);
  const reports = detectReports([...first, ...second].map((entry) => ({ ...entry, time: 1 })));
  expect(reports.map(({ kind }) => kind)).toEqual(['page-fault', 'general-protection']);
  const die = { text: 'divide error: 0000 [#2] PREEMPT SMP NOPTI', time: 41.3 };
  expect(detectReports([...first, die]).map(({ kind }) => kind)).toEqual(['page-fault', 'oops']);
});

test('registers that are printed some lines after an oops are not its own', () => {
  const bug = entriesOf('bug').slice(1);
  const after = [1, 2, 3, 4, 5].map((index) => ordinary(index, 63.2));
  const registers = { text: 'RIP: 0010:someone_else+0x1/0x2', time: 63.2 };
  expect(detectReports([...bug, ...after, registers])[0]?.text).toBe(detectReports(bug)[0]?.text);
});
