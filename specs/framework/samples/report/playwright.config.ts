import { defineConfig } from '@playwright/test';

/** Runs the sample specs beside this file; whoever runs them says where the report goes (PLAYWRIGHT_HTML_OUTPUT_DIR). */
export default defineConfig({
  testDir: '.',
  testMatch: '*.sample.ts',
  timeout: 60_000,
  fullyParallel: true,
  reporter: [
    ['../../../../fixtures/reporters/timeline.ts'],
    ['../../../../fixtures/reporters/summary.ts'],
    ['html', { open: 'never' }],
    ['json'],
  ],
});
