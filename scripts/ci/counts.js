/** Prints `N passed, N failed[, N skipped]` from Playwright's JSON report, and exits 1 when there is none. */
import { readFileSync } from 'node:fs';

const { stats } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const skipped = stats.skipped > 0 ? `, ${stats.skipped} skipped` : '';
process.stdout.write(`${stats.expected + stats.flaky} passed, ${stats.unexpected} failed${skipped}\n`);
