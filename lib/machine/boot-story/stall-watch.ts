import { setTimeout as delay } from 'node:timers/promises';

import type { Monitor } from '../../monitor/index.js';
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
export const defaultStallMs = 20_000;

/** Samples of the vCPUs: dense enough for a machine that works to be seen in new code, and 1 ms each. */
const sampleMs = 250;
/** A machine that says nothing for so long, and whose first vCPU is not in 64-bit code, may reset in a loop. */
const resetSuspicionMs = 2_000;
/** A kernel prints its banner once, or twice where a console that is registered later repeats it; more are starts. */
const fewestRestarts = 3;
const kernelBanner = /\bLinux version \d/;

/**
 * The same wait, which ends early when the machine does not get on: it neither prints nor comes to new code for `stallMs`, it
 * resets in a loop, its kernel starts over and over, or QEMU has stopped it.
 *
 * Rejects with a StalledError then.
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
      const both = AbortSignal.any([signal, over.signal]);
      try {
        await Promise.race([run(strategy), watch(machine, stallMs, both)]);
      } finally {
        over.abort();
      }
    },
  };
}

/** Never resolves; rejects when the machine does not get on. */
async function watch({ monitor, console, runFolder }: Watched, stallMs: number, signal: AbortSignal): Promise<never> {
  const progress = new CodeProgress();
  let starts = console.recent().filter(({ text, complete }) => complete && kernelBanner.test(text)).length;
  let spokeAt = performance.now();
  let soundUntil = 0;
  let stall: StalledError | undefined;
  const stopListening = console.onLine(({ text, complete }) => {
    spokeAt = performance.now();
    progress.reset(spokeAt);
    if (!complete || !kernelBanner.test(text)) return;
    starts += 1;
    if (starts >= fewestRestarts) stall = new StalledError({ kind: 'reboots', starts });
  });
  try {
    for (;;) {
      await delay(sampleMs, undefined, { signal }).catch(() => undefined);
      // Whoever ended the wait has its answer; this one must only not go on.
      if (signal.aborted) return await new Promise<never>(() => undefined);
      if (stall) throw stall;
      const { running, state } = await monitor.infoStatus();
      const cpus = await monitor.infoRegisters();
      const now = performance.now();
      progress.sample(cpus, now);
      const silentMs = now - Math.max(spokeAt, progress.newCodeAt);
      if (!running && silentMs > resetSuspicionMs) throw new StalledError({ kind: 'not running', state, silentMs });
      if (silentMs >= stallMs) throw new StalledError({ kind: 'stopped', silentMs, idle: progress.idle });
      if (now - Math.max(spokeAt, soundUntil) > resetSuspicionMs && cpus[0]?.width === 32) {
        const resets = await countResets(monitor, runFolder, signal);
        if (resets.resets > 1) throw new StalledError({ kind: 'resets', ...resets });
        soundUntil = performance.now();
      }
    }
  } finally {
    stopListening();
  }
}
