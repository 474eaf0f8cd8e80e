import type { TestResult } from '@playwright/test/reporter';
import { expect, test } from '@playwright/test';

import { jsonOf } from '../../../fixtures/reporters/attachment.js';

const attached = (name: string, contentType: string, body: string): TestResult['attachments'][number] => ({
  name,
  contentType,
  body: Buffer.from(body),
});

test('what was attached as JSON is read, of further machines too, and what is left out is none', () => {
  const attachments = [
    attached('machine.json', 'application/json', '1'),
    attached('machine-2.json', 'application/json', '2'),
    attached('machine-3.json', 'text/plain', 'machine-3.json is left out: 5 bytes would exceed the limit.'),
    attached('other-machine.json', 'application/json', '4'),
  ];
  expect(jsonOf({ attachments } as unknown as TestResult, 'machine.json')).toEqual([1, 2]);
});
