import { parseSmaps, type SmapsArea } from '../../../lib/guest/process/smaps.js';
import type { GuestShell } from '../../../lib/guest/ssh/index.js';

/** One page as /proc/PID/pagemap tells of it (Documentation/admin-guide/mm/pagemap.rst). */
export interface PagemapEntry {
  readonly present: boolean;
  readonly swapped: boolean;
  readonly softDirty: boolean;
  /** Page frame number; root sees it. */
  readonly frame: bigint;
}

/** What a process's memory is like, as its own kernel tells. */
export interface ProcessPages {
  readonly vmas: readonly SmapsArea[];
  /** By virtual address: an entry for every page of every VMA. */
  readonly pages: ReadonlyMap<bigint, PagemapEntry>;
}

/** Reads pagemap and smaps in the guest. The process must not change its memory meanwhile. */
export async function readPagemap(guest: GuestShell, pid: number): Promise<ProcessPages> {
  const vmas = parseSmaps(await guest.succeed(['cat', `/proc/${pid}/smaps`]));
  const pages = new Map<bigint, PagemapEntry>();
  const pieces = vmas.map(
    ({ start, end }) =>
      `dd if=/proc/${pid}/pagemap bs=8 skip=${start >> 12n} count=${(end - start) >> 12n} 2>/dev/null`,
  );
  const file = `/tmp/pagemap-${pid}`;
  await guest.succeed(['sh', '-c', `{ ${pieces.join('; ')}; } > ${file}`]);
  const entries = await guest.download(file);
  let at = 0;
  for (const { start, end } of vmas) {
    for (let address = start; address < end; address += 4096n, at += 8) {
      const raw = entries.readBigUInt64LE(at);
      pages.set(address, {
        present: (raw & (1n << 63n)) !== 0n,
        swapped: (raw & (1n << 62n)) !== 0n,
        softDirty: (raw & (1n << 55n)) !== 0n,
        frame: raw & ((1n << 55n) - 1n),
      });
    }
  }
  if (at !== entries.length) throw new Error(`pagemap gave ${entries.length} bytes for ${at / 8} pages`);
  return { vmas, pages };
}
