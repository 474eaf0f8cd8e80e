import { expect, test } from '../../../fixtures/index.js';
import { injectFault } from '../../../lib/guest/vfio/fault.js';
import { startVfioTool } from '../../../lib/guest/vfio/tool.js';
import { loadVfioDriver, type VfioDriver } from '../../support/vfio-driver.js';

test.use({ needs: ['@reference-driver'] });

const pages = 512;
/** Times of the driver's change, and how many mappings are measured each time. */
const turns = 5;
const each = 4;
/** Two lines in the log for each page are most of it: 5 times of the stock driver's is what it takes under TCG. */
const atMost = 15;

test('a mapping takes a bounded multiple of the CPU time that it takes with the stock driver', async ({
  environment: { fault },
  guest,
  vfioDevice,
}) => {
  test.slow();
  const spent: Record<VfioDriver, number[]> = { stock: [], patched: [] };
  for (let turn = 0; turn < turns; turn += 1) {
    for (const driver of ['stock', 'patched'] as const) {
      await loadVfioDriver(guest, driver);
      if (driver === 'patched' && fault !== undefined) await injectFault(guest, fault);
      const tool = await startVfioTool(guest);
      const pid = (await tool.request('hello')).number('pid');
      await tool.request('open', { device: vfioDevice });
      await tool.request('settle');
      // Nanoseconds on a CPU (Documentation/scheduler/sched-stats.rst).
      const time = async (): Promise<number> =>
        Number((await guest.succeed(['cat', `/proc/${pid}/schedstat`])).split(' ')[0]) / 1e6;
      for (let round = 0; round < each; round += 1) {
        // Fresh memory each time: only what is open to user mode is cleared and logged.
        const memory = await tool.request('alloc', { pages });
        const [address, size] = [memory.bigint('address'), memory.bigint('size')];
        const before = await time();
        await tool.request('map', { vaddr: address, size, iova: 0x10_0000n, read: true, write: true });
        spent[driver].push((await time()) - before);
        await tool.request('unmap', { iova: 0x10_0000n, size });
        await tool.request('free', { address, size });
      }
      await tool.exit();
    }
  }
  const [stock, patched] = [median(spent.stock), median(spent.patched)];
  expect(
    patched / stock,
    `The driver takes ${(patched / stock).toFixed(1)} times the CPU time of the stock driver to map ${pages} pages: ${patched.toFixed(1)} ms, not ${stock.toFixed(1)} ms (medians of ${turns * each})`,
  ).toBeLessThan(atMost);
});

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}
