import { defineConfig, hybrid, reference } from 'opentdx-e2e';

export default defineConfig({
  testDir: 'specs',
  projects: [
    // With E2E_KERNEL=…/bzImage the same specs run on that kernel.
    process.env.E2E_KERNEL
      ? { name: 'hybrid', use: { launchStack: hybrid } }
      : { name: 'reference', use: { launchStack: reference } },
  ],
});
