import type { SpteOptions } from '../../../../lib/paging/index.js';

/** l1tfMask is bits 39:35: shadow_nonpresent_or_rsvd_mask of a CPU with the L1TF bug and 40 bits of cache address. */
export const spteOptions: SpteOptions = { kernel: '6.1', mmu: 'ept', l1tfMask: 0xf8_0000_0000n };
