import type { L2Host } from '../../../lib/guest/l2/l2-host.js';
import { halt, program, writeQword } from './code.js';
import { longModeGuest } from './guest.js';

const mib = 1n << 20n;
const gpa = 4n * mib;
const linear = 0x7f00_0000_0000n;

/**
 * An L2 with 2 MiB of memory that are one page in L2's tables and, as L1 gives a huge page for them, one in the second dimension. It
 * writes to the first bytes and halts; let run again, to `written` in page 77 of 4 KiB, and halts.
 */
export async function hugeSlot(l2: L2Host) {
  const huge = await l2.alloc({ pages: 1, kind: 'hugetlb' });
  const slot = { gpa, buffer: huge };
  await l2.setSlot(1, slot);
  const guest = await longModeGuest(l2, [{ linear, physical: gpa, level: 2 }]);
  const offset = 77n * 4096n + 8n;
  await guest.load(program(writeQword(linear, 1n), halt, writeQword(linear + offset, 2n), halt));
  return { cr3: guest.cr3, gpa, slot, offset, written: linear + offset };
}
