/** One failure of each kind and way, for the spec about who is blamed: a test's title begins with the kind that it is. */
import assert from 'node:assert/strict';

import { expect, test as base } from '@playwright/test';

import { InfrastructureError, UsageError } from '../../../../lib/errors.js';

/** As somebody's own code has it, whose sources the reporters never see. */
class LampError extends InfrastructureError {
  override readonly name = 'LampError';
}

class Rewritten extends LampError {}

function broken(): never {
  throw new LampError('The "lamp" of rack 7 is dark.\nChange it.');
}

const test = base.extend<{ lamp: number; checked: number }, { rack: number }>({
  rack: [() => broken(), { scope: 'worker' }],
  lamp: () => broken(),
  checked: async ({}, use) => {
    await use(1);
    expect('after the test').toBe('all well');
  },
});

const rejects = (): Promise<number> => Promise.reject(new LampError('The lamp is dark.'));

test('infrastructure: a subclass', () => {
  throw new Rewritten('The lamp is dark.');
});

test('infrastructure: a misuse', () => {
  throw new UsageError('pages: 0');
});

test('infrastructure: a fixture', ({ lamp }) => {
  expect(lamp).toBe(1);
});

test("infrastructure: a worker's fixture", ({ rack }) => {
  expect(rack).toBe(1);
});

test.describe('in a hook', () => {
  test.beforeAll(() => {
    broken();
  });
  test('infrastructure: a hook', () => undefined);
});

test.describe('in a hook, in place of a value', () => {
  test.beforeAll(async () => {
    await expect(rejects()).resolves.toBe(1);
  });
  test('infrastructure: a hook that checks', () => undefined);
});

test('infrastructure: a cause', () => {
  throw new Error('no light', { cause: new TypeError('no lamp', { cause: new LampError('It is dark.') }) });
});

test('infrastructure: several as one', () => {
  throw new AggregateError([new TypeError('what'), new LampError('It is dark.')], 'all failed');
});

test('infrastructure: in place of a value', async () => {
  await expect(rejects()).resolves.toBe(1);
});

test('infrastructure: in place of a value, softly', async () => {
  await expect.soft(rejects()).resolves.toBe(1);
});

test('infrastructure: in place of another error', async () => {
  await expect(rejects()).rejects.toThrow('page fault');
});

test('infrastructure: thrown where nothing is to be', () => {
  expect(broken).not.toThrow();
});

test('infrastructure: while polling', async () => {
  await expect.poll(rejects).toBe(1);
});

test('infrastructure: until it passes', async () => {
  await expect(async () => {
    expect(await rejects()).toBe(1);
  }).toPass({ timeout: 300 });
});

test('infrastructure: first, and then a false expectation of a fixture', ({ checked }) => {
  expect(checked).toBe(1);
  broken();
});

test('infrastructure: out of time', async () => {
  test.setTimeout(200);
  await new Promise(() => undefined);
});

test('infrastructure: where a test is to fail', () => {
  test.fail();
  broken();
});

test('error: a TypeError', () => {
  (undefined as unknown as { light(): void }).light();
});

test('error: a ReferenceError', () => {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- no other way past the compiler
  new Function('lampp')();
});

test('error: a string', () => {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- that is what it is about
  throw 'dark';
});

test('error: the words of a failed expectation', () => {
  throw new Error('expect(received).toBe(expected) // Object.is equality\n\nExpected: 1\nReceived: 2');
});

test('error: an expectation that was false, but did not matter', async () => {
  await expect(Promise.resolve(2))
    .resolves.toBe(1)
    .catch(() => undefined);
  throw new TypeError('lamp');
});

test('assertion: an expectation', () => {
  expect(2, 'one lamp').toBe(1);
});

test('assertion: of a promise', async () => {
  await expect(Promise.resolve(2)).resolves.toBe(1);
});

test('assertion: in a step', async () => {
  await test.step(
    'look',
    () => {
      expect(2).toBe(1);
    },
    { box: true },
  );
});

test('assertion: while polling', async () => {
  await expect.poll(() => 2, { timeout: 300 }).toBe(1);
});

test('assertion: until it passes', async () => {
  await expect(() => {
    expect(2).toBe(1);
  }).toPass({ timeout: 300 });
});

test('assertion: softly, before anything else', () => {
  expect.soft(2).toBe(1);
  broken();
});

test('assertion: that came after an error that was expected', async () => {
  await expect(rejects()).rejects.toThrow('dark');
  expect('the lamp').toBe('lit');
});

test('assertion: as a cause', () => {
  try {
    expect(2).toBe(1);
  } catch (error) {
    throw new Error('page 3', { cause: error });
  }
});

test('assertion: among several as one', async () => {
  const checks = [rejects(), expect(Promise.resolve(2)).resolves.toBe(1)];
  const reasons = (await Promise.allSettled(checks)).map(
    (each) => (each as PromiseRejectedResult).reason as unknown,
  );
  throw new AggregateError(reasons, 'two things');
});

test('assertion: of another library', () => {
  assert.equal(2, 1);
});

test('assertion: of a fixture, after the test', ({ checked }) => {
  expect(checked).toBe(1);
});

test('assertion: one that is to be false, and is true', () => {
  test.fail();
  expect(1).toBe(1);
});
