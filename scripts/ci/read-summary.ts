import { readFileSync } from 'node:fs';

import type { RunSummary } from '../../fixtures/reporters/summary/model.js';

/** A run's summary; undefined when the run left none. */
export function readSummary(file = 'run-summary.json'): RunSummary | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RunSummary;
  } catch {
    return undefined;
  }
}
