import { defineConfig } from '@playwright/test';

/** Two workers at once, and the folder that a run's workers share. */
export default defineConfig({
  testDir: '.',
  testMatch: '*.sample.ts',
  fullyParallel: true,
  workers: 2,
  globalSetup: '../../../../fixtures/run/setup.ts',
  reporter: [['../../../../fixtures/reporters/summary.ts']],
});
