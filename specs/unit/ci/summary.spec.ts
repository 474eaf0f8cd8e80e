import { expect, test } from '@playwright/test';

import { summaryMarkdown } from '../../../fixtures/reporters/summary/markdown.js';
import type { RunSummary } from '../../../fixtures/reporters/summary/model.js';
import { missingShards } from '../../../fixtures/reporters/summary/shards.js';
import { verdictOf } from '../../../fixtures/reporters/summary/verdict.js';
import { workflowCommand } from '../../../scripts/ci/workflow-command.js';

for (const { names, missing } of [
  { names: ['shard-1-of-2.zip', 'shard-2-of-2.zip'], missing: [] },
  { names: ['shard-1-of-1.zip', 'resources'], missing: [] },
  { names: ['shard-2-of-3.zip', 'report.jsonl'], missing: ['1 of 3', '3 of 3'] },
  {
    names: ['shard-9-of-10.zip', 'shard-10-of-10.zip'],
    missing: [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `${n} of 10`),
  },
  { names: [], missing: ['any'] },
]) {
  test(`of ${names.join(' ') || 'nothing'} ${missing.join(', ') || 'nothing'} is missing`, () => {
    expect(missingShards(names)).toEqual(missing);
  });
}

test.describe('a shard', () => {
  const nothing = { failures: [], passed: 0, globalErrors: [], cutShort: false, missingShards: [] };

  test('without tests of its own is good, a whole run without any is not', () => {
    expect(verdictOf({ ...nothing, isShard: true }).exitCode).toBe(0);
    expect(verdictOf({ ...nothing, isShard: false }).exitCode).toBe(125);
  });

  test('that left no report keeps the run from being good, but not from being bad', () => {
    const missing = { ...nothing, passed: 9, isShard: false, missingShards: ['2 of 2'] };
    expect(verdictOf(missing)).toMatchObject({ exitCode: 125, why: 'no report of shard 2 of 2' });
    expect(verdictOf({ ...missing, failures: [{ kind: 'assertion', message: '' }] }).exitCode).toBe(1);
  });
});

const hostile = '</td>|`*x*`\r\n## <img src=x onerror=alert(1)> [a](https://b) @c %0A::error::\u0007';
const summary: RunSummary = {
  ...{ verdict: 'bad', exitCode: 1, why: hostile, startedAt: '', durationMs: 1_234 },
  tests: { passed: 1, failed: 60, flaky: 1, skipped: 2 },
  skips: [],
  stacks: [{ name: 'reference', accelerator: hostile }],
  ...{ boots: { count: 0 }, restores: { count: 2, medianMs: 150 } },
  failedStarts: [{ test: hostile, verdict: hostile }],
  slowest: [{ title: hostile, ms: 1 }],
  kernelReports: [{ test: hostile, title: hostile }],
  missingShards: ['2 of 3'],
  flaky: [hostile],
  failures: Array.from({ length: 60 }, (_, index) => ({
    ...{
      title: `${index}${hostile.repeat(100)}`,
      kind: 'assertion' as const,
      message: hostile,
      text: hostile,
    },
    location: { file: 'specs/a.spec.ts', line: 7 },
  })),
};

test("a job's summary holds the run's table, and what guests say is text in it", () => {
  const markdown = summaryMarkdown(summary);
  expect(markdown).toContain('| passed | failed | flaky | skipped | took | boots | restores | exit code |');
  expect(markdown).toContain('| 1 | 60 | 1 | 2 | 1&#46;2 s | 0 | 2 &#40;median 0&#46;1 s&#41; | 1 |');
  expect(markdown).toContain('specs/a&#46;spec&#46;ts&#58;7');
  expect(markdown).toContain('and 10 more');
  expect(markdown).toContain('2 of 3');
  expect(markdown.length).toBeLessThan(200_000);
  for (const line of markdown.split('\n').filter((each) => each.startsWith('|'))) {
    // The columns' borders are the only markup of a row.
    const cells = line.split(/ ?\| ?/).slice(1, -1);
    expect([1, 2, 4, 8]).toContain(cells.length);
    for (const cell of cells) expect(cell.replaceAll(/&#\d+;/g, '')).not.toMatch(/[<>`*[\]@]|https?:/);
  }
  expect(markdown.split('\n').filter((line) => line.startsWith('##'))).toHaveLength(7);
});

test('an annotation is one line that says where, and text that cannot begin another', () => {
  const line = workflowCommand('error', { file: 'a,b:c.ts', line: 3, title: 'x%' }, 'one\r\n::error::two');
  expect(line).toBe('::error file=a%2Cb%3Ac.ts,line=3,title=x%25::one%0D%0A::error::two');
});
