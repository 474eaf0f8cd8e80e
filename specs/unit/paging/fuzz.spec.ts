import { expect, test } from '@playwright/test';
import * as tableImages from '../../support/fuzz/table-images.js';

// A taste, so that a fuzzer that has stopped testing anything is noticed; `npm run fuzz` runs it for long.
test('table images: walks, scans and comparisons', () => {
  const counts = tableImages.run({ iterations: 300, seed: 1 });
  for (const kind of ['mapped', 'mappings', 'problems', 'refused'] as const) {
    expect(counts[kind], kind).toBeGreaterThan(0);
  }
  expect(Object.keys(counts.faults).sort()).toEqual(
    expect.arrayContaining(['not-present', 'reserved-bits', 'unreadable']),
  );
});
