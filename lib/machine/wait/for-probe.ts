import { setTimeout as delay } from 'node:timers/promises';
import type { WaitOptions, WaitStrategy } from './strategy.js';

/** What one look found: ready, or what was seen instead. */
export type ProbeAnswer = 'ready' | { readonly saw: string };

export interface ProbeOptions extends WaitOptions {
  awaited: string;
  /** The pause between two looks, in milliseconds. Default: 20. */
  intervalMs?: number;
}

/**
 * Asks `probe` until it answers `ready`. For what has no event to wait for; the looks follow each other closely. A probe that
 * throws ends the wait: what is expected while a machine starts is to be answered, not thrown. `signal` aborts when the wait is
 * over. Budget: 60 s unless told otherwise.
 */
export function forProbe(
  probe: (signal: AbortSignal) => Promise<ProbeAnswer>,
  { awaited, budgetMs = 60_000, intervalMs = 20 }: ProbeOptions,
): WaitStrategy {
  return {
    awaited,
    budgetMs,
    until: async ({ signal, saw }) => {
      for (;;) {
        const answer = await probe(signal);
        if (answer === 'ready') return;
        saw(answer.saw);
        await delay(intervalMs, undefined, { signal });
      }
    },
  };
}
