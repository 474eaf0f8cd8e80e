import type { ConsoleLine } from '../console/index.js';
import type { WaitOptions, WaitStrategy } from './strategy.js';

/**
 * A line on the console, or the beginning of one (a prompt), that matches `pattern`; one that is already there counts (see
 * `since` of `waitUntilReady`). Lines come without control codes. Budget: 60 s unless told otherwise.
 */
export function forConsole(pattern: RegExp, { budgetMs = 60_000, awaited }: WaitOptions = {}): WaitStrategy {
  return {
    awaited: awaited ?? `a console line that matches ${pattern}`,
    budgetMs,
    until: ({ console, since, signal, saw }) => {
      if (!console) return Promise.reject(new TypeError('forConsole needs a subject that has a console'));
      return new Promise((resolve) => {
        const look = ({ text }: ConsoleLine): void => {
          if (text !== '') saw(`console line "${text}"`);
          // Not test(), which begins where it left off when the pattern has the flag g.
          if (text.search(pattern) !== -1) resolve();
        };
        const stop = console.onLine(look);
        signal.addEventListener('abort', stop, { once: true });
        console.recent(since).forEach(look);
      });
    },
  };
}
