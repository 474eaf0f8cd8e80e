import { expect, test } from '../../../fixtures/index.js';
import { injectFault } from '../../../lib/guest/vfio/fault.js';
import { loadReadOnly, readOnly } from './change.js';

/** What is said of a driver with each of the faults that it can be given. */
const faults: Readonly<Record<string, RegExp>> = {
  'log-only': /forgets all 4 pages: _PAGE_RW \(bit 1\) is still set in memory\./,
  'all-but-last': /forgets the last of 4 pages: _PAGE_RW \(bit 1\) is still set/,
  'odd-pages': /forgets every even-numbered page of 4 .*: _PAGE_RW \(bit 1\) is still set/,
  'wrong-bit-w':
    /changes the wrong bits of all 4 pages: _PAGE_USER \(bit 2\) cleared; _PAGE_RW \(bit 1\) stays set\. Only _PAGE_RW may go/,
  'wrong-bit-p': /changes the wrong bits of all 4 pages: _PAGE_PRESENT \(bit 0\) cleared/,
  'and-w': /changes the wrong bits of all 4 pages: _PAGE_USER \(bit 2\) cleared\. Only _PAGE_RW may go/,
  'and-nx': /changes the wrong bits of all 4 pages: _PAGE_NX \(bit 63\) cleared/,
  neighbour: /changes pages outside of the mapping: .*right behind the mapping.*_PAGE_RW/,
  'swap-frames': /frame/,
  'wrong-frame': /The IOMMU maps page 0 of 4 to another frame|The IOMMU maps .* to another frame/,
};

test.use({ needs: ['@reference-driver'] });

for (const [fault, words] of Object.entries(faults)) {
  test(`a driver that makes pages read-only with the fault ${fault} is told as such`, async ({
    vfio,
    guest,
  }) => {
    await loadReadOnly(guest);
    await injectFault(guest, fault);
    const mapping = await vfio.mapDma({ pages: 4 });
    await expect(expect(mapping).toHaveChange(readOnly)).rejects.toThrow(words);
  });
}

for (const [fault, event] of Object.entries({
  'reset-on-second-map': 'a second mapping was made',
  'reset-later': 'time passed',
})) {
  test(`a driver that gives the bit back without a write (${fault}) is told as such`, async ({
    vfio,
    guest,
  }) => {
    await loadReadOnly(guest);
    await injectFault(guest, fault);
    const mapping = await vfio.mapDma({ pages: 4 });
    const goesOn = (async () => {
      if (fault === 'reset-on-second-map') await vfio.mapDma({ pages: 1 });
      // Longer than the driver waits, in the guest's own time.
      else await guest.succeed(['sleep', '1']);
    })();
    await expect(expect(mapping).toKeepChange(readOnly, event, goesOn)).rejects.toThrow(
      /does not keep .* read-only: _PAGE_RW \(bit 1\) is set again/,
    );
    // The check of the whole excuses it, as a write may have been made: the change says so.
    await expect(mapping).toHaveChange(readOnly);
  });
}
