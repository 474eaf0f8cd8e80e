import type { VmaAccess } from '../../lib/paging/index.js';
import type { GuestShell } from '../../lib/guest/ssh/index.js';

/** One of the sixteen kinds of memory that mmap can be asked for. */
export interface Combination extends VmaAccess {
  /** As /proc/PID/maps shows it: `rw-p`. */
  readonly name: string;
  /** As vfio-map's `alloc` takes it: `rw`, empty for no access. */
  readonly protection: string;
  readonly kind: 'anonymous' | 'shared';
}

/** All sixteen combinations of read, write, execute and shared. */
export const combinations: readonly Combination[] = Array.from({ length: 16 }, (_, bits) => {
  const access = {
    read: (bits & 1) !== 0,
    write: (bits & 2) !== 0,
    execute: (bits & 4) !== 0,
    shared: (bits & 8) !== 0,
  };
  const letter = (has: boolean, name: string, without: string): string => (has ? name : without);
  const letters = (without: string): string =>
    letter(access.read, 'r', without) +
    letter(access.write, 'w', without) +
    letter(access.execute, 'x', without);
  return {
    ...access,
    name: `${letters('-')}${access.shared ? 's' : 'p'}`,
    protection: letters(''),
    kind: access.shared ? 'shared' : 'anonymous',
  };
});

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
