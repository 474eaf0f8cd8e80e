import { expect, test } from '../../fixtures/index.js';
import { hasLoss, KernelLogLostError, lossAmong, pairClearings } from '../../lib/guest/kernel-log/index.js';

// The last log_buf_len on the command line counts (kernel/printk/printk.c), if it is more than the built-in 128 KiB.
test.use({ needs: ['@kernel-arguments'], machineOptions: { kernelArguments: 'log_buf_len=256K' } });

test('lines that the ring buffer overwrote make the verdict unknown, and accuse nobody', async ({
  vfio,
  kernelLog,
  guest,
}) => {
  const pages = 4096;
  const process = await vfio.process();
  // The reader stands still while two lines a page are logged, of which the buffer holds a fraction.
  await guest.succeed(['killall', '-STOP', 'kmsg-follow']);
  const mapping = await process.mapDma({ pages });
  await guest.succeed(['killall', '-CONT', 'kmsg-follow']);

  const entries = await kernelLog.entries();
  expect(hasLoss(lossAmong(entries))).toBe(true);
  const { records, lost } = pairClearings(entries);
  expect(lost.exact).toBe(true);
  expect(lost.count).toBeGreaterThan(pages);
  // What came after the overrun is there, to the last line: the reader went on.
  expect(records.length).toBeGreaterThan(100);
  const lines = records.reduce((sum, { seen }) => sum + (seen === 'both' ? 2 : 1), 0);
  expect(lost.count + lines).toBeGreaterThanOrEqual(2 * pages);

  const failure = await expect(kernelLog)
    .toReportClearing(mapping)
    .then(
      () => undefined,
      (error: unknown) => error as Error,
    );
  // No verdict, and none against the driver.
  expect(failure).toBeInstanceOf(KernelLogLostError);
  expect(failure?.message).toContain('cannot tell');
  expect(failure?.message).toContain('log_buf_len=16M');
  expect(failure?.message).toMatch(/unknown because \d+ kernel log records were lost/);
  expect(failure?.message).not.toMatch(/no line for it|not cleared/);
  await expect(expect(mapping).toBeTakenFromUserMode(kernelLog)).rejects.toBeInstanceOf(KernelLogLostError);
  // Memory forgets nothing.
  await expect(mapping).toHaveUserBitCleared();
});
