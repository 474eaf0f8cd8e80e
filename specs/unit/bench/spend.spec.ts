import { expect, test } from '@playwright/test';

import type { RanTest, Step } from '../../../scripts/bench/suite/model.js';
import { spentByRun, spentByTest } from '../../../scripts/bench/suite/spend.js';

const step = (title: string, start: number, ms: number, steps: readonly Step[] = []): Step => ({
  title,
  category: title.startsWith('Attach') ? 'test.attach' : 'hook',
  start,
  ms,
  steps,
});

/** Begins at 1,000; a machine that was restored within 100 ms and answers after 300 more; a body of 500 ms. */
const ran: RanTest = {
  project: 'reference',
  title: 'a test',
  slot: 0,
  worker: 0,
  start: 1_000,
  ms: 600,
  machines: [
    {
      beganAt: 1_010,
      stages: [
        { name: 'launcher started', atMs: 20 },
        { name: 'restored', atMs: 100 },
        { name: 'ssh', atMs: 400 },
      ],
    },
  ],
  steps: [
    step('Before Hooks', 1_000, 450),
    step('a step of the test', 1_460, 400),
    step('After Hooks', 1_950, 150, [
      step('Fixture "kernel log"', 1_950, 40),
      step('Fixture "machine launcher"', 1_990, 100, [
        step('Attach "walk.svg"', 2_000, 1),
        step('Attach "dmesg-2.txt"', 2_050, 0),
      ]),
    ]),
  ],
};

test("a test's time, from its machine's start to the end of its fixtures, each millisecond once", () => {
  expect(Object.fromEntries(spentByTest(ran))).toEqual({
    restore: 100,
    connect: 300,
    fixtures: 50,
    body: 500,
    'end of kernel log': 40,
    'evidence: walk.svg': 11,
    'evidence: dmesg.txt': 49,
    'end of machine launcher': 40,
    hooks: 10,
  });
});

test('a machine that the body starts is no part of the body, and one without a snapshot boots', () => {
  const stages = [
    { name: 'launcher started', atMs: 20 },
    { name: 'ssh', atMs: 120 },
  ];
  const spent = spentByTest({ ...ran, machines: [{ beganAt: 1_500, stages }] });
  expect(Object.fromEntries(spent)).toMatchObject({ boot: 20, connect: 100, fixtures: 450, body: 380 });
});

test("all workers' time: what a worker does between two tests, its start, and that it has nothing to do", () => {
  const later = (test: RanTest, by: number, more: Partial<RanTest> = {}): RanTest => ({
    ...test,
    start: test.start + by,
    machines: [],
    steps: [],
    ...more,
  });
  const spent = spentByRun({
    ...{ started: 0, began: 700, ended: 5_000, exited: 5_300, cpuMs: 0, workers: 2 },
    tests: [
      later(ran, 0),
      // The same worker, 50 ms after the first one's end; then another, in its slot.
      later(ran, 650),
      later(ran, 1_550, { worker: 2 }),
      later(ran, 0, { slot: 1, worker: 1 }),
    ],
  });
  expect(Object.fromEntries(spent)).toMatchObject({
    'run: before the first test': 1_400,
    'run: after the last test': 600,
    'worker start': 300 + 300 + 300,
    'between tests': 50,
    // Until 5,000: the one from 3,150, the other from 1,600.
    idle: 1_850 + 3_400,
  });
  const total = [...spent.values()].reduce((sum, ms) => sum + ms, 0);
  expect(total).toBe(2 * 5_300);
});
