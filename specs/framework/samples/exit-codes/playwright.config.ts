import { defineConfig } from '@playwright/test';

import '../../../../fixtures/run/note-errors.js';

/** Runs the samples beside this file, which start no machine; which of them is told by --grep. */
export default defineConfig({
  testDir: '.',
  testMatch: '*.sample.ts',
  timeout: 1_000,
  reporter: [['../../../../fixtures/reporters/summary.ts']],
});
