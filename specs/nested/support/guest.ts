import type { GuestPage } from '../../../lib/guest/l2/page-tables.js';
import type { L2Host } from '../../../lib/guest/l2/l2-host.js';
import type { L2Registers, SlotOptions } from '../../../lib/guest/l2/options.js';

/** Where L2 has its code and its tables: guest-physical and, identically mapped, linear. Its first 2 MiB are for these. */
const codeAddress = 0x1000n;
const tablesAddress = 0x8000n;
const pages = 64;

/** Guest-physical memory from here on is for what a spec wants there. */
export const dataGpa = 0x20_0000n;

/** An L2 in 64-bit mode, with page tables of its own. */
export interface LongModeGuest {
  /** Guest-physical address of its top table. */
  readonly cr3: bigint;
  /** Its code and tables. */
  readonly slot: SlotOptions;
  /** Has it run these instructions, from the start. */
  load(code: Buffer, registers?: L2Registers): Promise<void>;
}

/** Makes slot 0 with L2's tables, which map its code and the given pages. */
export async function longModeGuest(l2: L2Host, mapped: readonly GuestPage[]): Promise<LongModeGuest> {
  const slot = { gpa: 0n, buffer: await l2.alloc({ pages, kind: 'memfd' }) };
  await l2.setSlot(0, slot);
  const code: GuestPage = { linear: codeAddress, physical: codeAddress, level: 1 };
  const { cr3 } = await l2.writeTables(slot, tablesAddress, [code, ...mapped]);
  return {
    cr3,
    slot,
    async load(bytes, registers = {}) {
      await l2.write(slot.buffer.address + codeAddress, bytes);
      await l2.enter({ cr3, rip: codeAddress, ...registers });
    },
  };
}
