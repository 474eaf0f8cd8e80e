import { expect, test } from '@playwright/test';

import { guestTables, type GuestPage } from '../../../lib/guest/l2/page-tables.js';
import { walkSync, x86Space } from '../../../lib/paging/index.js';
import { TestMemory } from '../paging/support/test-memory.js';

const base = 0x8000n;

const pages: GuestPage[] = [
  { linear: 0x1000n, physical: 0x5000n, level: 1 },
  { linear: 0x7f12_3456_7000n, physical: 0x20_3000n, level: 1 },
  { linear: 0xffff_8000_0020_0000n, physical: 0x40_0000n, level: 2 },
  { linear: 0x80_0000_0000n, physical: 0x10_0000_0000n, level: 3 },
];

test('tables for pages of every size translate as asked, and lie next to each other from the base on', () => {
  const { cr3, end, runs } = guestTables(base, pages);
  const memory = new TestMemory();
  for (let table = base; table < end; table += 4096n) memory.addPage(table);
  for (const { address, entries } of runs) {
    entries.forEach((entry, index) => {
      memory.write64(address + BigInt(index) * 8n, entry);
    });
    // A run does not cross a table: each is one line of the protocol.
    expect((address & 0xfffn) + BigInt(entries.length) * 8n).toBeLessThanOrEqual(4096n);
  }
  for (const { linear, physical, level } of pages) {
    expect(walkSync(memory, x86Space({ cr3 }), linear)).toMatchObject({
      mapped: true,
      physicalAddress: physical,
      leaf: { level },
      effectiveRights: { user: true, write: true },
    });
  }
  expect(walkSync(memory, x86Space({ cr3 }), 0x2000n).mapped).toBe(false);
});

test('a page that is not where a page of its size can be is refused', () => {
  expect(() => guestTables(base, [{ linear: 0x1000n, physical: 0n, level: 2 }])).toThrow(RangeError);
});
