import { expect, test } from '@playwright/test';

import { workersFor } from '../../../lib/host/workers.js';

const gibibyte = 2 ** 30;

const hosts: [cpus: number, gibibytes: number, workers: number, decides: string][] = [
  [2, 24, 2, 'CPUs'],
  [1, 24, 1, 'CPUs'],
  [16, 64, 16, 'CPUs'],
  [16, 7, 4, 'memory'],
  [8, 2.5, 1, 'memory'],
  [8, 0.5, 1, 'memory'],
];
for (const [cpus, gibibytes, workers, decides] of hosts) {
  test(`${cpus} CPUs and ${gibibytes} GiB feed ${workers} workers: ${decides} decide`, () => {
    const answer = workersFor({ cpus, availableBytes: gibibytes * gibibyte });
    expect(answer.workers).toBe(workers);
    expect(answer.reason).toContain(`${workers} workers`);
    expect(answer.reason).toContain(`${decides} decide`);
  });
}
