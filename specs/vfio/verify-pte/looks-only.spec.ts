import { expect, test } from '../../../fixtures/index.js';
import { VerifyPteError } from '../../../lib/guest/verify-pte/index.js';
import { _PAGE_ACCESSED, _PAGE_DIRTY, diffScans, scan } from '../../../lib/paging/index.js';

test('looking allocates no page table, faults nothing in and changes no entry', async ({
  vfio,
  verifyPte,
  guest,
  machine,
  memory,
}) => {
  const process = await vfio.process();
  const { pid, space } = process;
  // 512 MiB that nobody touched have no page tables: an entry that is made for one would show.
  const { address } = await process.alloc({ pages: 1 << 17, populate: false });
  const tables = async (): Promise<string> => guest.succeed(['grep', '^VmPTE:', `/proc/${pid}/status`]);
  const scanned = () => machine.paused(() => scan(memory.memory, space, { range: 'user' }));

  const before = { tables: await tables(), scan: await scanned() };
  for (let offset = 0n; offset < 1n << 29n; offset += 1n << 24n) {
    await expect(verifyPte.entry({ address: address + offset, pid })).rejects.toThrow(VerifyPteError);
  }
  const after = { tables: await tables(), scan: await scanned() };

  expect(after.tables).toBe(before.tables);
  expect(after.scan.tablesRead).toBe(before.scan.tablesRead);
  expect(diffScans(before.scan, after.scan, { ignore: _PAGE_ACCESSED | _PAGE_DIRTY }).changes).toEqual([]);
});
