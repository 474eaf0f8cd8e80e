import { readFileSync } from 'node:fs';

import { expect, test } from '@playwright/test';
import { parseKernelLog } from '../../../lib/guest/kernel-log/index.js';
import { detectReports, RULES } from '../../../lib/guest/reports/index.js';
import type { KernelReport } from '../../../lib/guest/reports/index.js';
import { kernelReportsPage } from '../../../scripts/kernel-report-table.js';

/** As a console prints it, with time stamps, in the midst of ordinary lines. */
function reportsOf(text: string): KernelReport[] {
  const lines = ['eth0: an ordinary line', ...text.split('\n')];
  const log = lines.map((line, index) => `[   61.${String(index).padStart(6, '0')}] ${line}\n`).join('');
  return detectReports(parseKernelLog(log, { format: 'dmesg' }));
}

for (const { kind, grade, example, healthy, announces } of RULES) {
  test(`${kind}: ${example.split('\n').at(-1)?.slice(0, 70) ?? ''}`, () => {
    const found = reportsOf(example).map((report) => [report.kind, report.grade]);
    expect(found).toEqual(announces === 'drop' ? [] : [[kind, grade]]);
    expect(reportsOf(healthy)).toEqual([]);
  });
}

test("each rule's example is opened by that rule, and not by one before it", () => {
  const byAnother = RULES.filter(
    (rule) =>
      !rule.example
        .split('\n')
        .some((line) => RULES.find(({ opens }) => opens.test(line.trimStart())) === rule),
  );
  expect(byAnother).toEqual([]);
});

test('the table in the documentation is the one that the rules make', () => {
  const page = readFileSync(new URL('../../../docs/kernel-reports.md', import.meta.url), 'utf8');
  expect(page, 'npx tsx scripts/kernel-report-table.ts > docs/kernel-reports.md').toBe(kernelReportsPage());
});
