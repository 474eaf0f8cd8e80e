import type { FullConfig, FullResult, Suite } from '@playwright/test/reporter';
import { expect, test } from '@playwright/test';

import SummaryReporter from '../../../fixtures/reporters/summary.js';
import { summaryText } from '../../../fixtures/reporters/summary/text.js';

class Summary extends SummaryReporter {
  textOf(metadata: object): string {
    this.onBegin(
      { shard: null, metadata } as unknown as FullConfig,
      { allTests: () => [] } as unknown as Suite,
    );
    return summaryText(
      this.summary({ status: 'passed', startTime: new Date(0), duration: 0 } satisfies FullResult),
    );
  }
}

test('what the configuration leaves out is said, and nothing where it leaves out nothing', () => {
  const summary = new Summary({ outputFile: test.info().outputPath('summary.json') });
  expect(summary.textOf({ leftOut: 'the slow ones (--all)' })).toContain(
    '\nLeft out: the slow ones (--all).\n',
  );
  expect(summary.textOf({})).not.toContain('Left out');
});
