import { expect, test } from '../../fixtures/index.js';
import { recordPageFaults } from '../../lib/guest/trace/page-faults.js';

const onEveryVcpu = { tag: '@smp' };
const withTracepoints = { tag: ['@smp', '@tracepoints'] };

test(
  'a read of a cleared page is killed with error code 0x5, on every vCPU',
  onEveryVcpu,
  async ({ vfio }) => {
    const mapping = await vfio.mapDma({ pages: 4 });
    for (const cpu of mapping.process.cpus) {
      await test.step(`read on vCPU ${cpu}`, async () => {
        await expect(mapping.touch(1, { cpu })).rejects.toMatchPageFault(0x5);
      });
    }
    expect(mapping.process.cpus.length).toBeGreaterThan(1);
  },
);

test(
  'a write to a cleared page never completes and faults with 0x7, on every vCPU',
  withTracepoints,
  async ({ vfio, guest }) => {
    const mapping = await vfio.mapDma({ pages: 4 });
    const target = mapping.pageAddress(2);
    for (const cpu of mapping.process.cpus) {
      await test.step(`write on vCPU ${cpu}`, async () => {
        const faults = await recordPageFaults(guest, { start: target, end: target + 4096n }, async () => {
          const write = await mapping.tryTouch(2, { access: 'write', cpu, value: 1n });
          expect(write.outcome).toBe('stalled');
        });
        expect(faults.map(({ errorCode }) => errorCode)).toEqual([0x7]);
        expect(faults[0]).toMatchObject({ cpu, address: target });
        // It refaults for as long as it is let: far more than once.
        expect(faults[0]?.count).toBeGreaterThan(10);
      });
    }
  },
);

for (const pages of [1, 16, 700]) {
  test(
    `no vCPU reaches ${pages} page${pages === 1 ? '' : 's'} through a stale TLB entry after the mapping`,
    onEveryVcpu,
    async ({ vfio }) => {
      const process = await vfio.process();
      const buffer = await process.alloc({ pages });
      const result = await process.touchMapTouch(buffer);
      await expect(result).toLeaveNoStaleTranslation();
      for (const touches of [result.own, result.other]) {
        expect(touches?.after.firstFault).toMatchObject({ signal: 'SIGSEGV', errorCode: 0x5 });
      }
    },
  );
}
