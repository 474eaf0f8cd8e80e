import { expect, test } from '../../../fixtures/index.js';
import type { VerifiedPte } from '../../../lib/guest/verify-pte/index.js';
import type { GuestBuffer } from '../../../lib/guest/vfio/options.js';
import type { VfioProcess } from '../../../lib/guest/vfio/process.js';
import { _PAGE_ACCESSED, _PAGE_DIRTY, hex, type PageView, type X86Entry } from '../../../lib/paging/index.js';

// The guest's kernel and the walk from outside look at one entry by ways that have nothing in common.

/** The accessed and dirty bits, which the hardware sets at any time. */
const changing = _PAGE_ACCESSED | _PAGE_DIRTY;

/** What of a page both sides know, by name, so that a difference shows all of it. */
function fromKernel(seen: VerifiedPte): object {
  const { address, pte, user, present, physicalAddress, effectiveUser } = seen;
  return {
    address: hex(address),
    pte: hex(pte & ~changing),
    user,
    present,
    physicalAddress: hex(physicalAddress ?? 0n),
    effectiveUser,
  };
}

function fromOutside(page: PageView<X86Entry>): object {
  const { address, raw, entry, physicalAddress, effectiveRights } = page;
  return {
    address: hex(address),
    pte: hex((raw ?? 0n) & ~changing),
    user: entry?.user,
    present: entry?.present,
    physicalAddress: hex(physicalAddress ?? 0n),
    effectiveUser: effectiveRights?.user ?? false,
  };
}

async function pagesOf(process: VfioProcess, buffer: GuestBuffer): Promise<PageView<X86Entry>[]> {
  return [...(await process.entries(buffer.address, Number(buffer.size / 4096n)))];
}

test('it agrees with the walk from outside on every page, before and after a mapping', async ({
  vfio,
  verifyPte,
}) => {
  const process = await vfio.process();
  const buffer = await process.alloc({ pages: 40 });
  const queries = Array.from({ length: 40 }, (_, page) => ({
    address: buffer.address + BigInt(page) * 4096n,
    pid: process.pid,
  }));

  for (const { address } of queries.slice(0, 3)) {
    expect(await verifyPte.entry({ address, pid: process.pid })).toMatchObject({
      user: true,
      effectiveUser: true,
      entry: '4 KiB page',
    });
  }

  const mapping = await process.mapDma({ pages: 40, buffer });
  const seen = await verifyPte.entriesOf(mapping);
  expect(seen.map(fromKernel)).toEqual((await pagesOf(process, buffer)).map(fromOutside));
  expect(seen.map(({ pid }) => pid)).toEqual(queries.map(() => process.pid));
  expect(seen.every(({ user, present, entry }) => !user && present && entry === '4 KiB page')).toBe(true);
});

for (const kind of ['hugetlb', 'thp'] as const) {
  test(`of a huge page (${kind}) it shows the leaf, and the frame of the 4 KiB asked for`, async ({
    vfio,
    verifyPte,
    guest,
  }) => {
    await guest.succeed(['sysctl', '-w', 'vm.nr_hugepages=4']);
    const process = await vfio.process();
    const buffer = await process.alloc({ pages: 512, kind });
    const pages = await pagesOf(process, buffer);
    expect(pages[0]?.level).toBe(2);
    for (const page of [0, 1, 7, 511]) {
      const address = buffer.address + BigInt(page) * 4096n;
      const seen = await verifyPte.entry({ address, pid: process.pid });
      const outside = pages[page];
      if (!outside) throw new RangeError(`no page ${page}`);
      expect(fromKernel(seen)).toEqual(fromOutside(outside));
      expect(seen.entry).toBe('2 MiB page');
    }
  });
}

test('a PROT_NONE page is not present, has a frame and no user bit', async ({ vfio, verifyPte }) => {
  const process = await vfio.process();
  const { address, size } = await process.alloc({ pages: 1 });
  const accessible = await verifyPte.entry({ address, pid: process.pid });
  await process.request('mprotect', { address, size, protection: '' });
  expect(await verifyPte.entry({ address, pid: process.pid })).toMatchObject({
    present: false,
    user: false,
    effectiveUser: false,
    entry: '4 KiB PROT_NONE page',
    physicalAddress: accessible.physicalAddress,
  });
});
