import type { WaitStrategy } from './strategy.js';

/** All of them, awaited at the same time, each within its own budget. */
export function all(...parts: WaitStrategy[]): WaitStrategy {
  return {
    awaited: parts.map(({ awaited }) => awaited).join(' and '),
    parts,
    until: async ({ run }) => {
      await Promise.all(parts.map(run));
    },
  };
}

/** One after the other; the budget of each begins when the one before it is fulfilled. */
export function inOrder(...parts: WaitStrategy[]): WaitStrategy {
  return {
    awaited: parts.map(({ awaited }) => awaited).join(', then '),
    parts,
    until: async ({ run }) => {
      for (const part of parts) await run(part);
    },
  };
}
