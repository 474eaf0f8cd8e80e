/** Tests that need a thing which cannot be made, tests that need one which could, and one that needs none. Each attempt is a line of a file. */
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { expect, test as base } from '@playwright/test';

import { InfrastructureError } from '../../../../lib/errors.js';
import { orSkip, toldOnce } from '../../../../fixtures/run/told-once.js';

async function attempt(what: string, works: boolean): Promise<string> {
  appendFileSync(process.env.SAMPLE_ATTEMPTS ?? '', `${what}\n`);
  // Long enough for the other worker to come and wait.
  await delay(300);
  if (!works) throw new InfrastructureError('The lamp cannot be built: buy glass.');
  return what;
}

const test = base.extend<{ lamp: string; bench: string }>({
  lamp: async ({}, use, testInfo) => {
    await use(
      await orSkip(
        toldOnce('a lamp', 10_000, () => attempt('lamp', false)),
        testInfo,
      ),
    );
  },
  bench: async ({}, use, testInfo) => {
    await use(
      await orSkip(
        toldOnce('a bench', 10_000, () => attempt('bench', true)),
        testInfo,
      ),
    );
  },
});

for (const number of [1, 2, 3, 4, 5, 6]) {
  test(`needs a lamp ${number}`, ({ lamp }) => {
    expect(lamp).toBe('lamp');
  });
}

test('needs nothing', () => undefined);

test.describe('afterwards', () => {
  test.describe.configure({ mode: 'serial' });
  test('needs a bench', ({ bench }) => {
    expect(bench).toBe('bench');
  });
  test('its bench breaks', ({ bench }) => {
    throw new InfrastructureError(`The ${bench} broke under this test.`);
  });
});
