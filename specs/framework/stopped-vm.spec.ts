import { expect, test } from '../../fixtures/index.js';
import { sharedSample } from './shared-sample.js';

// The sample's tests all fail.
const resultOf = sharedSample('stopped.sample.ts');

for (const title of [
  'a guest command in a stopped VM',
  'an operation of the VFIO tool in a stopped VM',
  'a kernel log in a stopped VM',
]) {
  test(`${title} fails for that reason, and not when all time is spent`, () => {
    const { status, errors } = resultOf(title);
    // Its own time-out, 60 s, would be 'timedOut'.
    expect(status).toBe('failed');
    expect(errors[0]).toMatch(/VM stopped\. Seen: VM status: paused, for \d+ s/);
    expect(errors[0]).toMatch(/let it run \(`cont` in the monitor\)/);
    expect(errors).toHaveLength(1);
  });
}

test('an assertion that fails in a stopped VM stays the only error, and the report has the guest', () => {
  const { status, errors, attachments } = resultOf('an assertion fails while the VM is stopped');
  expect(status).toBe('failed');
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain('toBeUndefined');
  expect(attachments).toContain('guest-processes-and-modules.txt');
});

test('a VM that is let run again soon enough is no failure', async ({ guest, machine, monitor }) => {
  const looks = (): number => machine.transcript.toText().split('info status').length;
  await monitor.stop();
  const before = looks();
  const answer = guest.succeed(['echo', 'here']);
  await expect.poll(looks, 'the harness looks whether the VM runs').toBeGreaterThan(before);
  await monitor.cont();
  expect(await answer).toBe('here\n');
});

test('a test may leave its VM stopped', async ({ kernelLog, monitor }) => {
  await kernelLog.entries();
  await monitor.stop();
});
