import { expect, test } from '@playwright/test';
import { MicrotaskBatch } from '../../../lib/memory/microtask-batch.js';

test('what is asked for together goes out together, and each gets its own answer', async () => {
  const batches: number[][] = [];
  const batch = new MicrotaskBatch<number, number>((requests) => {
    batches.push([...requests]);
    return Promise.resolve(requests.map((request) => request * 2));
  });
  expect(await Promise.all([1, 2, 3].map((request) => batch.add(request)))).toEqual([2, 4, 6]);
  expect(await batch.add(4)).toBe(8);
  expect(batches).toEqual([[1, 2, 3], [4]]);
});

test('a batch is bounded', async () => {
  const sizes: number[] = [];
  const batch = new MicrotaskBatch<number, number>((requests) => {
    sizes.push(requests.length);
    return Promise.resolve([...requests]);
  });
  const asked = Array.from({ length: 1_000 }, (_, index) => index);
  expect(await Promise.all(asked.map((request) => batch.add(request)))).toEqual(asked);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(16);
});

test('a batch that fails is the failure of each of its requests, and of no other', async () => {
  const batch = new MicrotaskBatch<number, number>((requests) =>
    requests.includes(2) ? Promise.reject(new Error('two')) : Promise.resolve([...requests]),
  );
  const outcomes = await Promise.allSettled([1, 2].map((request) => batch.add(request)));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await batch.add(3)).toBe(3);
});
