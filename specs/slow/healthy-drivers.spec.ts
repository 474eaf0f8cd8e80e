import { expect, test } from '@playwright/test';

import { healthyDrivers } from '../../lib/image/drivers.js';
import { runFiles } from '../../scripts/verdicts/run.js';

// A build, a boot and a Playwright of its own for each, on a busy machine.
test.describe.configure({ timeout: 300_000 });

const files = ['clear-page-user', 'user-access', 'unmap'].map((name) => `specs/vfio/${name}.spec.ts`);

for (const driver of await healthyDrivers()) {
  test(`a healthy driver that is another one than the guest's is not accused: ${driver}`, async () => {
    const { tests, caught, problem } = await runFiles(files, {
      driver,
      fault: undefined,
      maxFailures: 0,
      workers: 1,
    });
    expect(problem).toBeUndefined();
    expect(caught).toEqual([]);
    expect(tests).toBeGreaterThan(6);
  });
}
