import type { WaitStrategy } from './strategy.js';

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
