import { expect } from '../../../fixtures/index.js';
import type { VerifyPte } from '../../../fixtures/verify-pte.js';
import type { DmaMapping } from '../../../lib/guest/vfio/mapping.js';
import { _PAGE_ACCESSED, _PAGE_DIRTY } from '../../../lib/paging/index.js';

const setByCpu = _PAGE_ACCESSED | _PAGE_DIRTY;

/** The guest's own module sees, in every page's entry, what is seen from outside. */
export async function expectSameInGuest(verifyPte: VerifyPte, mapping: DmaMapping): Promise<void> {
  const inside = await verifyPte.entriesOf(mapping);
  const outside = [...(await mapping.entries())];
  expect(inside.map(({ pte }) => pte & ~setByCpu)).toEqual(outside.map(({ raw = 0n }) => raw & ~setByCpu));
  expect(inside.map(({ user }) => user)).toEqual(outside.map(({ leafRights }) => leafRights?.user));
}

/** Neither the first nor the last page lets user mode in. */
export async function expectNoAccess(mapping: DmaMapping): Promise<void> {
  for (const page of new Set([0, mapping.pages - 1])) {
    await expect(mapping.touch(page)).rejects.toMatchPageFault({ user: true, present: true, write: false });
  }
}
