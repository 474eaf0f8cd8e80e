import { expect, test } from '../../../fixtures/index.js';
import { provoke } from '../../vfio/provoke.js';

test('all assertions hold, but the kernel warned', async ({ guest }) => {
  await provoke(guest, 'warning');
});

test('an assertion fails after an oops', async ({ guest }) => {
  await provoke(guest, 'oops');
  expect(await guest.succeed(['echo', 'no'])).toBe('yes');
});

test('the kernel panics under a command', async ({ guest }) => {
  await provoke(guest, 'panic');
});

test('the kernel is tainted', async ({ guest }) => {
  await provoke(guest, 'taint');
});

test('an assertion fails and the kernel is well', async ({ guest }) => {
  expect(await guest.succeed(['echo', 'no'])).toBe('yes');
});

test.describe('with an expectation', () => {
  test.use({ kernelReports: { expect: [{ kind: 'soft-lockup' }] } });

  test('the expected report does not appear', async ({ guest }) => {
    await guest.succeed(['true']);
  });
});
