import { expect, test } from '../../../fixtures/index.js';
import type { Vfio } from '../../../fixtures/vfio.js';
import type { GuestShell } from '../../../lib/guest/ssh/index.js';
import type { DmaMapping } from '../../../lib/guest/vfio/mapping.js';
import { expectSameInGuest } from './agreement.js';

const pagesPerHuge = 512;
const count = 2;

async function mapHuge(vfio: Vfio, guest: GuestShell, kind: 'hugetlb' | 'thp'): Promise<DmaMapping> {
  if (kind === 'hugetlb') {
    await guest.succeed([
      'sh',
      '-c',
      `echo ${count} > /proc/sys/vm/nr_hugepages; grep -qx ${count} /proc/sys/vm/nr_hugepages`,
    ]);
  }
  const mapping = await vfio.mapDma({ pages: count * pagesPerHuge, kind });
  expect([...mapping.before].map(({ level }) => level)).toEqual(Array(count * pagesPerHuge).fill(2));
  return mapping;
}

for (const kind of ['hugetlb', 'thp'] as const) {
  test(`${kind} memory is mapped, and what its entries allow is what the process can do`, async ({
    vfio,
    kernelLog,
    guest,
    verifyPte,
  }) => {
    const mapping = await mapHuge(vfio, guest, kind);
    await expectSameInGuest(verifyPte, mapping);
    const isOpen = (await mapping.entries()).at(3)?.effectiveRights?.user;
    expect(await mapping.process.access(mapping.pageAddress(3), { access: 'read' })).toMatchObject({
      outcome: isOpen ? 'done' : 'fault',
    });
    // A page that is open is told as such, whatever its driver says of it, and that it is a huge one.
    if (isOpen) await expect(expect(mapping).toBeTakenFromUserMode(kernelLog)).rejects.toThrow(/2 MiB/);
  });

  // What a module cannot split, the reference driver leaves to user mode. That is a gap, and it must be a gap that is reported. Other
  // drivers promise nothing of huge pages.
  test(
    `${kind} memory is left to user mode, and the log says so`,
    { tag: '@reference-driver' },
    async ({ vfio, kernelLog, guest }) => {
      const mapping = await mapHuge(vfio, guest, kind);
      await expect(mapping).toBeReportedAsNotTaken(kernelLog);
      // User mode goes on as if nothing had been mapped.
      expect(await mapping.touch(3, { access: 'write', value: 5n })).toBe(5n);
      expect(await mapping.touch(3)).toBe(5n);

      // Every check that looks for a closed page says which one is open, and that it is a huge one.
      await expect(expect(mapping).toBeTakenFromUserMode(kernelLog)).rejects.toThrow(
        /leaves all 1024 pages open to user mode, and its log says so: 2 MiB leaf/,
      );
      await expect(expect(mapping).toHaveUserBitCleared()).rejects.toThrow(
        /1024 of 1024 .*\n1024 of them lie in huge pages/,
      );
      await expect(expect(kernelLog).toReportClearing(mapping)).rejects.toThrow(
        /not cleared, says the kernel: 2 MiB leaf/,
      );
    },
  );
}
