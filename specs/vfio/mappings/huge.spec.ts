import { expect, test } from '../../../fixtures/index.js';
import { expectSameInGuest } from './agreement.js';

const pagesPerHuge = 512;

// What a module cannot split, the reference driver leaves to user mode. That is a gap, and it must be a gap that is reported.
for (const kind of ['hugetlb', 'thp'] as const) {
  test(`${kind} memory is left to user mode, and the log says so`, async ({
    vfio,
    kernelLog,
    guest,
    verifyPte,
  }) => {
    const count = 2;
    if (kind === 'hugetlb') {
      await guest.succeed([
        'sh',
        '-c',
        `echo ${count} > /proc/sys/vm/nr_hugepages; grep -qx ${count} /proc/sys/vm/nr_hugepages`,
      ]);
    }
    const mapping = await vfio.mapDma({ pages: count * pagesPerHuge, kind });
    expect([...mapping.before].map(({ level }) => level)).toEqual(Array(count * pagesPerHuge).fill(2));
    await expect(mapping).toBeReportedAsNotTaken(kernelLog);
    await expectSameInGuest(verifyPte, mapping);
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
  });
}
