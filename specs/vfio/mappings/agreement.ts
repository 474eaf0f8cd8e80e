import { expect } from '../../../fixtures/index.js';
import type { VerifyPte } from '../../../fixtures/verify-pte.js';
import type { DmaMapping } from '../../../lib/guest/vfio/mapping.js';
import { _PAGE_ACCESSED, _PAGE_DIRTY } from '../../../lib/paging/index.js';

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
  const all = [...(await mapping.entries())];
  const outside = pages ? pages.map((page) => all[page]) : all;
  expect(inside.map(({ pte }) => pte & ~setByCpu)).toEqual(
    outside.map((page) => (page?.raw ?? 0n) & ~setByCpu),
  );
  expect(inside.map(({ user }) => user)).toEqual(outside.map((page) => page?.leafRights?.user));
}

/** Neither the first nor the last page lets user mode in. */
export async function expectNoAccess(mapping: DmaMapping): Promise<void> {
  for (const page of new Set([0, mapping.pages - 1])) {
    await expect(mapping.touch(page)).rejects.toMatchPageFault({ user: true, present: true, write: false });
  }
}
