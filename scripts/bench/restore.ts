import { loadavg } from 'node:os';

import { createRunFolder } from '../../lib/machine/ownership/index.js';
import { benchStack, oneStart, type Start } from './machines.js';
import { median, rounded } from './statistics.js';

/** A cold boot is measured after this many restores. */
const restoresPerBoot = 5;

/**
 * Restores of the reference machine, and cold boots between them, so that both see the same host. All figures are medians in
 * milliseconds and begin with the harness's decision to start a machine: `restoreMs` until the guest answers, its clock set;
 * `firstCommandMs` until a test's first command was answered. `cpuMs` is the time on the host's CPUs until then.
 */
export async function restore(runs: number): Promise<object> {
  const stack = await benchStack();
  await using folder = await createRunFolder({ prefix: 'bench' });
  // The first one may have to boot the machine for its snapshot.
  await oneStart(stack, folder.path, false);
  const restores: Start[] = [];
  const boots: Start[] = [];
  for (let run = 1; run <= runs; run += 1) {
    restores.push(await oneStart(stack, folder.path, false));
    if (run % restoresPerBoot === 0 || run === runs) boots.push(await oneStart(stack, folder.path, true));
  }
  const middle = (starts: readonly Start[], figure: 'readyMs' | 'firstCommandMs' | 'cpuMs'): number =>
    rounded(median(starts.map((start) => start[figure])));
  const firstCommandMs = middle(restores, 'firstCommandMs');
  const coldFirstCommandMs = middle(boots, 'firstCommandMs');
  return {
    metric: 'restore',
    restoreMs: middle(restores, 'readyMs'),
    firstCommandMs,
    coldFirstCommandMs,
    ratio: rounded(coldFirstCommandMs / firstCommandMs),
    cpuMs: middle(restores, 'cpuMs'),
    coldCpuMs: middle(boots, 'cpuMs'),
    runs: restores.map((start) => rounded(start.firstCommandMs)),
    boots: boots.map((start) => rounded(start.firstCommandMs)),
    accelerator: restores[0]?.accelerator,
    load: rounded(loadavg()[0] ?? 0),
  };
}
