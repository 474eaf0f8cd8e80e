import { expect, test } from '../../../fixtures/index.js';
import { insertOwnModule } from '../../../lib/guest/module/index.js';
import { pokePte } from '../../support/protections.js';
import { recordPageFaults } from '../../../lib/guest/trace/page-faults.js';
import { VfioError } from '../../../lib/guest/vfio/errors.js';
import { bit, PAGE_FAULT } from '../../../lib/paging/index.js';

// The kernel takes a reserved bit for corruption: it reports an oops and kills whoever touched the page.
test.use({
  needs: ['@own-modules'],
  kernelReports: {
    expect: [{ text: /Corrupted page table/, count: 1 }],
    // The broken entry is met again when the killed process's memory is taken down.
    allow: [{ kind: 'taint' }, { kind: 'bad-page' }, { kind: 'bug', title: /Bad (rss-counter|page)/ }],
  },
});

test('a reserved bit in an entry: the fault says so, and the kernel kills the process', async ({
  vfio,
  guest,
  verifyPte,
}) => {
  await insertOwnModule(guest, 'poke_pte');
  const process = await vfio.process();
  const { address, size } = await process.alloc({ pages: 1 });
  // In a child: it is the child that dies.
  const child = await process.request('fork');
  const [handle, pid] = [child.number('child'), child.number('pid')];
  await process.request('touch', { address, access: 'write', value: 1n, child: handle });
  // Physical addresses have fewer bits than the format can hold, on every CPU that runs this.
  await pokePte(guest, { pid, address, change: 'set', mask: bit(51) });
  expect(((await verifyPte.entry({ address, pid })).pte & bit(51)) !== 0n).toBe(true);

  const faults = await recordPageFaults(guest, { start: address, end: address + size }, async () => {
    await expect(process.request('touch', { address, child: handle })).rejects.toThrow(VfioError);
  });
  expect(faults).toHaveLength(1);
  const [fault] = faults;
  const code = PAGE_FAULT.decode(BigInt(fault?.errorCode ?? 0));
  expect(fault?.mode).toBe('user');
  // Hardware sets bit 0 too; QEMU 7.2's TCG does not.
  expect(code).toMatchObject({ reservedBit: true, user: true, write: false });
  expect((await process.request('wait', { child: handle, timeoutMs: 30_000 })).text('signal')).toBe(
    'SIGKILL',
  );
  // Its parent has an entry of its own for the page.
  expect(await process.access(address)).toMatchObject({ outcome: 'done' });
});
