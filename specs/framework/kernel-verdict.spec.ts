import { expect, test } from '@playwright/test';

import { sharedSample } from './shared-sample.js';

// All of the sample's tests fail, each in its way.
const resultOf = sharedSample('kernel-reports.sample.ts');

test('a report that nobody expected fails a test whose assertions hold', () => {
  const { status, errors } = resultOf('all assertions hold, but the kernel warned');
  expect(status).toBe('failed');
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(/The kernel reported \(error\): WARNING at .*kernel_reports/);
  expect(errors[0]).toMatch(/\| Call Trace:\n(.*\n)*.*end trace/);
  // The flag that the WARN sets is not told as a second fault; those of loading the module are another event.
  expect(errors[0]).not.toMatch(/reported.*new taint W/);
});

test('an oops is named as the cause of the assertion that fails after it', () => {
  const { status, errors } = resultOf('an assertion fails after an oops');
  expect(status).toBe('failed');
  expect(errors[0]).toMatch(/The kernel reported \(fatal\): NULL pointer dereference/);
  expect(errors[1]).toContain('toBe');
});

test('a panic is named as the cause of a connection that is lost, at once', () => {
  const { status, errors, attachments, ms } = resultOf('the kernel panics under a command');
  expect(status).toBe('failed');
  expect(errors[0]).toMatch(/The kernel reported \(fatal\): Kernel panic: requested by/);
  expect(errors[0]).toMatch(/\| Call Trace:/);
  expect(errors[0]).toContain('from its console');
  expect(attachments).toContain('kernel-report-1.txt');
  // Not the 30 s for which a guest command waits, nor the test's own minute.
  expect(ms).toBeLessThan(30_000);
});

test('a new taint fails a test', () => {
  const { status, errors } = resultOf('the kernel is tainted');
  expect(status).toBe('failed');
  expect(errors[0]).toMatch(/The kernel reported \(warning\): new taint U \(bit 6\)/);
});

test('an assertion that fails while the kernel is well is the only error', () => {
  const { status, errors } = resultOf('an assertion fails and the kernel is well');
  expect(status).toBe('failed');
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain('toBe');
});

test('an expected report that does not appear fails a test', () => {
  const { status, errors } = resultOf('the expected report does not appear');
  expect(status).toBe('failed');
  expect(errors[0]).toContain('Expected a kernel report (kind soft-lockup), seen 0 time(s)');
});

test('a panic fails a test whose assertions hold, with or without time stamps', () => {
  const { status, errors } = resultOf('the kernel panics after the last command');
  expect(status).toBe('failed');
  expect(errors[0]).toMatch(/The kernel reported \(fatal\): Kernel panic: sysrq triggered crash/);
});
