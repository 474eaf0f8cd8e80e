import { readdirSync } from 'node:fs';
import path from 'node:path';

import { defineConfig } from '@playwright/test';

import { missingShards } from '../../fixtures/reporters/summary/shards.js';

const root = path.resolve(import.meta.dirname, '../..');
const blobs = process.env.E2E_BLOBS ?? '';

const missing = missingShards(readdirSync(blobs));

/** What becomes of the shards' reports (merge-reports.sh). Paths in them are of other machines, and are taken as those of this one. */
export default defineConfig({
  testDir: path.join(root, 'specs'),
  reporter: [
    // Only here: a shard's report has a test's attachments as they were made, before any reporter of its own sees the test's end.
    [path.join(root, 'fixtures/reporters/timeline.ts')],
    [path.join(root, 'fixtures/reporters/html-page.ts'), { missingShards: missing }],
    [path.join(root, 'fixtures/reporters/summary.ts'), { missingShards: missing }],
    ['html', { open: 'never', outputFolder: path.join(root, 'playwright-report') }],
    ['json', { outputFile: path.join(root, 'test-results.json') }],
  ],
});
