import { defineConfig } from '@playwright/test';

import type { MachineFixtures } from './fixtures/machine.js';

export default defineConfig<MachineFixtures>({
  testDir: 'specs',
  // A test's own time: its machine's boot has a budget of its own.
  timeout: 60_000,
  fullyParallel: true,
  forbidOnly: Boolean(process.env.CI),
  reporter: [['list'], ['html', { open: 'never' }], ['json', { outputFile: 'test-results.json' }]],
  projects: [
    { name: 'unit', testDir: 'specs/unit' },
    { name: 'reference', testMatch: 'specs/{vfio,paging,stack}/**/*.spec.ts' },
    { name: 'framework', testDir: 'specs/framework' },
  ],
});
