import { expect, test } from '../../../fixtures/index.js';

test('a swapped-out page is no page: not present, no frame, and looking does not bring it back', async ({
  vfio,
  verifyPte,
  guest,
}) => {
  await guest.succeed([
    'sh',
    '-ec',
    'modprobe brd rd_nr=1 rd_size=16384; mkswap /dev/ram0 > /dev/null; swapon /dev/ram0',
  ]);
  const process = await vfio.process();
  const { address, size } = await process.alloc({ pages: 4 });
  // Only a page that is swapped at once can be looked at: the kernel may keep one that another CPU just used.
  await expect(async () => {
    await process.request('madvise', { address, size, advice: 'pageout' });
    expect((await verifyPte.entry({ address, pid: process.pid })).present).toBe(false);
  }).toPass();
  const swapped = await verifyPte.entry({ address, pid: process.pid });
  expect(swapped).toMatchObject({
    present: false,
    effectiveUser: false,
    physicalAddress: undefined,
    entry: '4 KiB swap entry',
  });
  const [outside] = await process.entries(address, 1);
  expect(outside).toMatchObject({ status: 'not-present', raw: swapped.pte });
  expect(await verifyPte.entry({ address, pid: process.pid })).toEqual(swapped);

  expect((await process.access(address)).outcome).toBe('done');
  expect(await verifyPte.entry({ address, pid: process.pid })).toMatchObject({
    present: true,
    entry: '4 KiB page',
  });
});
