import { expect, test } from '../../../fixtures/index.js';
import { readHoldings } from '../../../lib/guest/vfio/pins.js';

const rounds = 200;
/** Bytes a round: slabs come and go by pages, some dozen of them over all rounds. */
const atMost = 256;
/** What leaks grows each time; what the rest of the guest takes for itself grows once. */
const series = 3;

test(`${rounds} rounds of map and unmap leave nothing behind`, async ({ vfio, guest }) => {
  test.slow();
  const process = await vfio.process();
  const { address: vaddr, size } = await process.alloc({ pages: 16 });
  const goRounds = async (count: number): Promise<void> => {
    for (let round = 0; round < count; round += 1) {
      await process.request('map', { vaddr, size, iova: 0x10_0000n, read: true, write: true });
      await process.request('unmap', { iova: 0x10_0000n, size });
    }
  };
  const slabBytes = async (): Promise<number> => {
    const shrink =
      'echo 3 > /proc/sys/vm/drop_caches; for each in /sys/kernel/slab/*/shrink; do echo 1 > $each; done';
    const text = await guest.succeed(['sh', '-c', `${shrink} 2> /dev/null; grep ^SUnreclaim: /proc/meminfo`]);
    return Number(/(\d+) kB/.exec(text)?.[1]) * 1024;
  };
  // What the kernel gets ready once is no loss.
  await goRounds(50);
  const held = await readHoldings(guest, process.pid);
  const grown: number[] = [];
  let before = await slabBytes();
  do {
    await goRounds(rounds);
    const after = await slabBytes();
    grown.push((after - before) / rounds);
    before = after;
  } while (Math.min(...grown) >= atMost && grown.length < series);
  expect(await readHoldings(guest, process.pid)).toHoldMorePages(held, 0, `after ${rounds} rounds`);
  expect(
    Math.min(...grown),
    `The slab grows by so many bytes with each map and unmap, in each of ${grown.length} times ${rounds} rounds (${grown.join(', ')})`,
  ).toBeLessThan(atMost);
});
