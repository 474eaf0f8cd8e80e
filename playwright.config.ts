import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'specs',
  fullyParallel: true,
  forbidOnly: Boolean(process.env.CI),
  reporter: [['list'], ['html', { open: 'never' }], ['json', { outputFile: 'test-results.json' }]],
  projects: [{ name: 'unit', testDir: 'specs/unit' }],
});
