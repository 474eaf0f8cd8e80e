import { expect } from '../../../fixtures/index.js';
import type { VerifyPte } from '../../../fixtures/verify-pte.js';
import type { DmaMapping } from '../../../lib/guest/vfio/mapping.js';
import { _PAGE_ACCESSED, _PAGE_DIRTY, hex } from '../../../lib/paging/index.js';

const setByCpu = _PAGE_ACCESSED | _PAGE_DIRTY;

/**
 * The guest's own module sees, in every page's entry, what is seen from outside.
 *
 * @param pages those to ask for, where all would take too long
 */
export async function expectSameInGuest(
  verifyPte: VerifyPte,
  mapping: DmaMapping,
  pages?: readonly number[],
): Promise<void> {
  const inside = await verifyPte.entriesOf(mapping, pages);
  const run = await mapping.entries();
  const differing = inside.flatMap(({ pte, user }, index) => {
    const page = pages?.[index] ?? index;
    const outside = run.at(page);
    const raw = outside?.raw ?? 0n;
    if (((pte ^ raw) & ~setByCpu) === 0n && user === outside?.leafRights?.user) return [];
    const word = user ? 'open' : 'closed';
    return [`page ${page}: verify_pte says ${hex(pte)}, ${word} to user mode; memory holds ${hex(raw)}`];
  });
  expect(differing, 'The guest sees other entries than are seen from outside.').toEqual([]);
  expect(inside, 'verify_pte answers for every page').toHaveLength(pages?.length ?? mapping.pages);
}

/** Neither the first nor the last page lets user mode in. */
export async function expectNoAccess(mapping: DmaMapping): Promise<void> {
  for (const page of new Set([0, mapping.pages - 1])) {
    await expect(
      mapping.touch(page),
      `A read of page ${page} in user mode must be a page fault: ${mapping.toString()}`,
    ).rejects.toMatchPageFault({ user: true, present: true, write: false });
  }
}

/** The device reaches none of the mapping's pages any more. */
export async function expectUnreachable(mapping: DmaMapping): Promise<void> {
  const left = [...((await mapping.deviceTables()).pages ?? [])].filter(({ status }) => status === 'mapped');
  expect(
    left.map(({ address, raw }) => `iova ${hex(address)}: ${hex(raw ?? 0n)}`),
    `The IOMMU still maps what was unmapped: ${mapping.toString()}.`,
  ).toEqual([]);
}
