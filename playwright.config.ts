import type { Project } from '@playwright/test';

import './fixtures/run/compiled.js';
import { defineConfig } from './fixtures/config.js';
import type { MachineFixtures } from './fixtures/machine.js';
import type { StackWorkerFixtures } from './fixtures/stack.js';
import * as stacks from './fixtures/stacks/index.js';

/** Specs of what every stack has, on the user's own checkout. Its disk is written to: one VM at a time. */
const opentdx: Project<MachineFixtures, StackWorkerFixtures> = {
  name: 'opentdx',
  testMatch: [
    'specs/opentdx/**/*.spec.ts',
    'specs/vfio/{clear-page-user,unmap,user-access}.spec.ts',
    'specs/vfio/mappings/{afterwards,kinds,processes,several,sizes,unmap}.spec.ts',
    'specs/vfio/verify-pte/{agreement,bad-queries,looks-only}.spec.ts',
  ],
  use: { launchStack: stacks.opentdx },
  workers: 1,
  // A boot of a whole distribution, or a TD's.
  timeout: 180_000,
};

/** Container builds, kernels, packages, whole runs within a run. For workers, which do not see the command line, the wish is in the environment. */
const isSlowAsked = process.argv.some((word) => /^(--project=)?slow$|specs\/slow\b/.test(word));
if (isSlowAsked || process.env.CI) process.env.E2E_SLOW = '1';
const leavesOut = !process.env.E2E_SLOW && !process.argv.some((word) => word.startsWith('--project'));

export default defineConfig({
  testDir: 'specs',
  metadata: leavesOut ? { leftOut: 'the project slow (npm test -- --all, or CI=1, runs it too)' } : {},
  projects: [
    { name: 'unit', testDir: 'specs/unit' },
    { name: 'reference', testDir: 'specs/vfio' },
    // One vCPU: the emulator has less to do, and nothing in these specs needs a second one.
    { name: 'nested', testDir: 'specs/nested', use: { machineOptions: { vcpus: 1 } } },
    // Bochs interprets: a test's own time is not the host's.
    { name: 'ept', testDir: 'specs/ept', timeout: 240_000, use: { launchStack: stacks.ept } },
    { name: 'framework', testMatch: 'specs/{framework,paging,stack}/**/*.spec.ts' },
    ...(process.env.E2E_SLOW ? [{ name: 'slow', testDir: 'specs/slow', timeout: 300_000 }] : []),
    // Only where there is a kernel to run on.
    ...(process.env.E2E_KERNEL
      ? [
          {
            name: 'hybrid',
            testDir: 'specs/vfio',
            use: { launchStack: stacks.hybrid },
          },
        ]
      : []),
    ...(process.env.OPENTDX_ROOT ? [opentdx] : []),
  ],
});
