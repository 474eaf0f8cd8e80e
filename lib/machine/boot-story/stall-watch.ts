import { setTimeout as delay } from 'node:timers/promises';

import { budgetClock } from '../../host/budget/index.js';
import { type Monitor, MonitorClosedError } from '../../monitor/index.js';
import type { Console } from '../console/index.js';
import type { WaitStrategy } from '../wait/index.js';
import { CodeProgress } from './code-progress.js';
import { countResets } from './reset-count.js';
import { StalledError } from './stalled-error.js';

/** What is watched: a machine whose monitor answers. */
export interface Watched {
  readonly monitor: Monitor;
  readonly console: Console;
  readonly runFolder: string;
}

/** How long a machine may say nothing and come to no new code before it counts as stopped. */
const defaultStallMs = 20_000;

/** Samples of the vCPUs: dense enough for a machine that works to be seen in new code, and 1 ms each. */
const sampleMs = 250;
/** A machine that says nothing for so long, and whose first vCPU is not in 64-bit code, may reset in a loop. */
const suspicionMs = 2_000;
/** A kernel prints its banner once, or twice where a console that is registered later repeats it; more are starts. */
const fewestRestarts = 3;
const kernelBanner = /\bLinux version \d/;
/** QEMU's run states from which a VM does not come back by itself (qapi/run-state.json). */
const lost = new Set(['guest-panicked', 'internal-error', 'io-error', 'shutdown', 'watchdog']);

/**
 * The same wait, which ends early when the machine does not get on: it neither prints nor comes to new code for `stallMs`, it
 * resets in a loop, its kernel starts over and over, or QEMU has stopped it. Rejects with a StalledError then.
 */
export function unlessStalled(
  strategy: WaitStrategy,
  machine: Watched,
  stallMs = defaultStallMs,
): WaitStrategy {
  return {
    awaited: strategy.awaited,
    parts: [strategy],
    until: async ({ run, signal }) => {
      const over = new AbortController();
      const stalled = stall(machine, stallMs, AbortSignal.any([signal, over.signal]));
      try {
        await Promise.race([run(strategy), stalled]);
      } finally {
        over.abort();
      }
    },
  };
}

/** Rejects when the machine does not get on; never resolves. */
async function stall(machine: Watched, stallMs: number, signal: AbortSignal): Promise<never> {
  try {
    return await watch(machine, stallMs, signal);
  } catch (error) {
    // Whoever ended the wait, or the death of QEMU, gives the answer then.
    if (signal.aborted || error instanceof MonitorClosedError)
      return await new Promise<never>(() => undefined);
    throw error;
  }
}

async function watch(
  { monitor, console, runFolder }: Watched,
  stallMs: number,
  signal: AbortSignal,
): Promise<never> {
  const isBanner = ({ text, complete }: { text: string; complete: boolean }): boolean =>
    complete && kernelBanner.test(text);
  let starts = console.recent().filter(isBanner).length;
  const progress = new CodeProgress();
  let spokeAt = budgetClock.now();
  let checkedAt = spokeAt;
  progress.restart(spokeAt);
  const stopListening = console.onLine((line) => {
    spokeAt = budgetClock.now();
    progress.restart(spokeAt);
    if (isBanner(line)) starts += 1;
  });
  try {
    for (;;) {
      await delay(sampleMs, undefined, { signal });
      if (starts >= fewestRestarts) throw new StalledError({ kind: 'reboots', starts });
      const { running, state } = await monitor.infoStatus();
      const cpus = await monitor.infoRegisters();
      const now = budgetClock.now();
      const silentMs = now - spokeAt;
      if (!running && silentMs > (lost.has(state) ? suspicionMs : stallMs)) {
        throw new StalledError({ kind: 'not running', state, silentMs });
      }
      progress.add(cpus, now);
      const standstill = progress.standstill(now, stallMs);
      if (standstill) throw new StalledError({ kind: 'stopped', silentMs, ...standstill });
      if (now - Math.max(spokeAt, checkedAt) > suspicionMs && cpus[0]?.width === 32) {
        const counted = await countResets(monitor, runFolder, signal);
        if (counted.resets > 1) throw new StalledError({ kind: 'resets', ...counted });
        checkedAt = budgetClock.now();
      }
    }
  } finally {
    stopListening();
  }
}
