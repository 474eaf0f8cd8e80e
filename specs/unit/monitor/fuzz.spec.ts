import { expect, test } from '@playwright/test';
import * as monitorReplies from '../../support/fuzz/monitor-replies.js';
import * as registerDumps from '../../support/fuzz/register-dumps.js';

// A taste of each, so that a fuzzer that has stopped testing anything is noticed; `npm run fuzz` runs them for long.

test('register dumps: all that was printed comes back, all that is broken is refused or in bounds', () => {
  const counts = registerDumps.run({ iterations: 300, seed: 1 });
  expect(counts.exact).toBe(300);
  expect(counts.refused).toBeGreaterThan(0);
  expect(counts.understood).toBeGreaterThan(0);
});

test('monitor replies: every parser and the framing', () => {
  const counts = monitorReplies.run({ iterations: 300, seed: 1 });
  expect(counts.framed).toBe(1_200);
  for (const kind of ['refused', 'understood', 'streamsRefused', 'streamsWaiting'] as const) {
    expect(counts[kind], kind).toBeGreaterThan(0);
  }
});
