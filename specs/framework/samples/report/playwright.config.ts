import { defineConfig } from '@playwright/test';

import { defineConfig as ours } from '../../../../fixtures/config.js';

const { reporter, use = {} } = ours();

/** Runs the sample specs beside this file; whoever runs them says where the report goes (PLAYWRIGHT_HTML_OUTPUT_DIR). */
export default defineConfig({
  testDir: '.',
  testMatch: '*.sample.ts',
  timeout: 60_000,
  fullyParallel: true,
  use,
  // As every run has them; whoever runs this says where the results go.
  reporter: Array.isArray(reporter) ? reporter.map((each) => (each[0] === 'json' ? ['json'] : each)) : [],
});
