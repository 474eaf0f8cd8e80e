/** Tests with known outcomes, for the specs about exit codes. */
import { expect, test } from '@playwright/test';

import { InfrastructureError } from '../../../../lib/errors.js';
import { MonitorClosedError } from '../../../../lib/monitor/index.js';

test('good', () => {
  expect(1).toBe(1);
});

test('assertion', () => {
  expect('_PAGE_USER').toBe('clear');
});

test('infrastructure', () => {
  throw new InfrastructureError('The VM did not boot.');
});

test('subclass', () => {
  throw new MonitorClosedError('QEMU closed the connection.', true);
});

test('wrapped', async () => {
  const answer: Promise<number> = Promise.reject(new MonitorClosedError('gone', true));
  await expect(answer).resolves.toBe(1);
});

test('hangs', async () => {
  await new Promise(() => undefined);
});

test('flaky', ({}, testInfo) => {
  expect(testInfo.retry).toBeGreaterThan(0);
});

test('recovers', ({}, testInfo) => {
  if (testInfo.retry === 0) throw new InfrastructureError('The VM did not boot.');
});

test('skipped', () => {
  test.skip(true, 'always');
});

test('soft assertion, then infrastructure', () => {
  expect.soft(1).toBe(2);
  throw new InfrastructureError('The VM died.');
});
