import { expect, test } from '../../../fixtures/index.js';
import { injectFault } from '../../../lib/guest/vfio/fault.js';
import { _PAGE_USER } from '../../../lib/paging/index.js';

/** Faults are given to the project's own driver. */
const ours = { tag: '@reference-driver' };

/** What is done while a mapping is recorded: long enough, in the guest's own time, for what the driver does later. */
const waits: Readonly<Record<string, string>> = { 'reset-late': '4', 'reset-very-late': '11' };

/** Who gives access back, as the first line says it. */
const again =
  /^page 0 became open to user mode again (\d+ ms after the map returned|while the map was under way): e2e_change_bit\+0x[0-9a-f]+ \[vfio_iommu_type1\] in /;

for (const [fault, caller] of Object.entries({
  'reset-later': 'e2e_reset_work',
  'reset-late': 'e2e_reset_work',
  'reset-very-late': 'e2e_reset_work',
  blink: 'e2e_reset_work',
  'blink-short': 'e2e_reset_work',
  'blink-inside': 'vfio_iommu_type1_ioctl',
  'reset-on-second-map': 'e2e_reset_others',
  'reset-on-other-map': 'e2e_reset_others',
  'reset-on-unmap': 'e2e_reset_others',
  'reset-on-migration': 'e2e_reset_work',
})) {
  test(
    `a driver that gives access back is caught whenever it does, and its function named: ${fault}`,
    ours,
    async ({ vfio, guest, recordPtes }) => {
      await injectFault(guest, fault);
      const process = await vfio.process();
      const buffer = await process.alloc({ pages: 4 });
      const history = await recordPtes({ process, buffer });
      const mapping = await process.mapDma({ pages: 4, buffer });
      const returned = Date.now();
      if (fault === 'reset-on-other-map') await (await process.fork()).mapDma({ pages: 1 });
      else if (fault === 'reset-on-unmap') await (await process.mapDma({ pages: 1 })).unmap();
      else if (fault === 'reset-on-second-map') await process.mapDma({ pages: 1 });
      else if (fault === 'reset-on-migration') {
        // A copy on write gives a page of the process another frame, as compaction does.
        const other = await process.alloc({ pages: 1 });
        await process.fork();
        await process.access(other.address, { access: 'write' });
        await guest.succeed(['sleep', '1']);
      } else await guest.succeed(['sleep', waits[fault] ?? '1']);
      const verdict = await expect(history)
        .toClearOnce(mapping)
        .then(
          () => 'passed',
          (error: unknown) => (error instanceof Error ? error.message : String(error)),
        );
      const [first = '', second = ''] = verdict.split('\n');
      expect(first).toMatch(again);
      expect(second).toMatch(new RegExp(`^ +called by .*${caller}\\+`));
      if (fault === 'blink-inside') return;
      await expect(expect(history).toNeverAllow({ user: true, since: returned })).rejects.toThrow(
        /^page 0 became accessible in user mode \d+ ms after the map returned: e2e_change_bit/,
      );
    },
  );
}

test(
  'a driver that clears by way of pages which can be executed is caught, and its function named',
  ours,
  async ({ vfio, guest, recordPtes, kernelLog }) => {
    await injectFault(guest, 'by-way-of-x');
    const process = await vfio.process();
    const buffer = await process.alloc({ pages: 4 });
    const history = await recordPtes({ process, buffer });
    const mapping = await process.mapDma({ pages: 4, buffer });
    const text =
      /^page 0 had bits changed that are none of the change's while the map was under way: e2e_change_bit\+.*\n.*called by vfio_iommu_type1_ioctl\+.*\n.*\(_PAGE_NX cleared\)/;
    await expect(expect(history).toClearOnce(mapping)).rejects.toThrow(text);
    await expect(expect(mapping).toBeTakenFromUserMode(kernelLog)).rejects.toThrow(text);
  },
);

for (const fault of ['log-only', 'all-but-last', 'odd-pages']) {
  test(
    `a page that is never cleared is told as such: ${fault}`,
    ours,
    async ({ vfio, guest, recordPtes }) => {
      await injectFault(guest, fault);
      const process = await vfio.process();
      const buffer = await process.alloc({ pages: 4 });
      const history = await recordPtes({ process, buffer });
      const mapping = await process.mapDma({ pages: 4, buffer });
      await expect(expect(history).toClearOnce(mapping)).rejects.toThrow(
        /^page [03] never came to be closed to user mode\./,
      );
    },
  );
}

test('a driver without faults clears each page once, within the map, and never allows anything afterwards', async ({
  vfio,
  guest,
  recordPtes,
}) => {
  const process = await vfio.process();
  const buffer = await process.alloc({ pages: 4 });
  const history = await recordPtes({ process, buffer });
  const mapping = await process.mapDma({ pages: 4, buffer });
  const returned = Date.now();
  await process.mapDma({ pages: 1 });
  await guest.succeed(['sleep', '1']);
  await expect(history).toClearOnce(mapping);
  await expect(history).toNeverAllow({ user: true, since: returned });
  await expect(history).not.toNeverAllow({ user: true });
  // However many writes it takes, each page loses the bit in one.
  const pages = (await history.writes({ bits: _PAGE_USER })).map(({ page }) => page);
  expect(pages.sort()).toEqual([0, 1, 2, 3]);
});

test('memory that was mapped before it was recorded is no subject', async ({ vfio, recordPtes }) => {
  const mapping = await vfio.mapDma({ pages: 1 });
  const history = await recordPtes(mapping);
  await expect(expect(history).toClearOnce(mapping)).rejects.toThrow(
    /was not recorded from before it was mapped/,
  );
});
