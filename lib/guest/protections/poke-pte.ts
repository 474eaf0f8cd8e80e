import type { GuestShell } from '../ssh/index.js';

/** A change to a process's page-table entry behind its kernel's back. */
export interface Poke {
  readonly pid: number;
  /** Of user mode, mapped by a 4 KiB page. */
  readonly address: bigint;
  readonly change: 'set' | 'clear';
  /** The entry's bits to set or clear. */
  readonly mask: bigint;
}

/**
 * Changes bits of a page-table entry, by the guest's poke_pte module (images/reference/modules), which must be loaded. All TLBs are
 * flushed. For throw-away guests: it makes states that a kernel never makes.
 *
 * @throws GuestCommandError no such process, or no 4 KiB entry there
 */
export async function pokePte(guest: GuestShell, { pid, address, change, mask }: Poke): Promise<void> {
  const request = `${pid}:0x${address.toString(16)} ${change} 0x${mask.toString(16)}`;
  await guest.succeed(['sh', '-c', 'echo "$1" > /proc/poke_pte', 'sh', request]);
}
