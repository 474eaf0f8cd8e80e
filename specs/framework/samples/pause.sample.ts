import { expect, test } from '../../../fixtures/index.js';

test('fails', async ({ guest }) => {
  expect(await guest.succeed(['echo', 'no'])).toBe('yes');
});
