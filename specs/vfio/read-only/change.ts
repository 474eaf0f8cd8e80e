import { defineChange } from '../../../fixtures/index.js';
import type { GuestShell } from '../../../lib/guest/ssh/index.js';
import { _PAGE_RW } from '../../../lib/paging/index.js';

/** DMA-mapped pages become read-only; nothing is logged. In the reference driver it takes the other change's place. */
export const readOnly = defineChange({
  name: 'make DMA-mapped pages read-only',
  cleared: _PAGE_RW,
  accesses: [
    { access: 'read', outcome: 'done' },
    // The kernel takes it for the first write to a private page, and gives the bit back.
    { access: 'write', outcome: 'done' },
  ],
  undoneBy: 'a write to private memory',
  states: { done: 'read-only', left: 'writable' },
});

/** Has the guest's driver make mapped pages read-only from now on, in place of taking them away from user mode. */
export async function loadReadOnly(guest: GuestShell): Promise<void> {
  await guest.succeed(['sh', '-c', 'echo Y > /sys/module/vfio_iommu_type1/parameters/e2e_read_only']);
}
