import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { test } from '@playwright/test';

import { runSample, type SampleResult } from './run-sample.js';

/** A sample's tests start machines of their own. */
const usualTimeout = 240_000;

/**
 * Runs a sample once, before the tests of the file that calls this at its top, which then run one after the other.
 *
 * @param timeout of the run, in ms
 * @returns gives how the sample's test of this title ended
 */
export function sharedSample(file: string, timeout = usualTimeout): (title: string) => SampleResult {
  test.describe.configure({ mode: 'serial', timeout });
  let results = new Map<string, SampleResult>();
  test.beforeAll(async () => {
    test.setTimeout(timeout);
    const output = await mkdtemp(path.join(tmpdir(), 'opentdx-sample-'));
    try {
      results = await runSample(file, output);
    } finally {
      await rm(output, { recursive: true, force: true });
    }
  });
  return (title) => {
    const result = results.get(title);
    if (!result)
      throw new Error(`The sample has no test '${title}': ${[...results.keys()].join(', ') || 'none'}`);
    return result;
  };
}
