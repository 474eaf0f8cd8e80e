import { expect, test } from '@playwright/test';

import { killRound } from '../../scripts/kill-stress/round.js';

/** Much more than the 3 s that are promised: a busy computer is no failure of what this checks. */
const patienceMs = 30_000;

test('after SIGKILL of a run and its VMs nothing is left, and nobody else is touched', async ({}, testInfo) => {
  test.setTimeout(1_200_000);
  const first = await killRound({ within: 'first VM', patienceMs });
  const rounds = [first];
  // Two instants before or after there was a VM; `npx tsx scripts/kill-stress/index.ts` does a hundred.
  const within = Math.round(1.5 * first.killedAfterMs);
  for (let round = 0; round < 2; round += 1) rounds.push(await killRound({ within, patienceMs }));
  for (const round of rounds) {
    const description = `${Math.round(round.goneAfterMs)} ms, ${round.processes} processes, ${round.qemus} QEMU`;
    testInfo.annotations.push({ type: 'gone after', description });
    expect(round.leftovers, JSON.stringify(round)).toEqual([]);
    expect(round.bystanderLives).toBe(true);
  }
  expect(first.qemus).toBeGreaterThan(0);
});
