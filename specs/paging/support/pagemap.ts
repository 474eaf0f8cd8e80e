import type { GuestShell } from '../../../lib/guest/ssh/index.js';

/** One page as /proc/PID/pagemap tells of it (Documentation/admin-guide/mm/pagemap.rst). */
export interface PagemapEntry {
  readonly present: boolean;
  readonly swapped: boolean;
  readonly softDirty: boolean;
  /** Page frame number; root sees it. */
  readonly frame: bigint;
}

/** A VMA as /proc/PID/smaps tells of it. */
export interface SmapsVma {
  readonly start: bigint;
  readonly end: bigint;
  readonly name: string;
  /** Two-letter flags: `rd`, `wr`, `mr`, … */
  readonly flags: readonly string[];
  /** KiB of pages that are in memory. */
  readonly rssKiB: number;
}

/** What a process's memory is like, as its own kernel tells. */
export interface ProcessPages {
  readonly vmas: readonly SmapsVma[];
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

/** `[vsyscall]` is left out: it lies in the kernel's half and belongs to no process. */
function parseSmaps(text: string): SmapsVma[] {
  return text
    .split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
    .filter((block) => block !== '')
    .map((block) => {
      const [, start, end, name] = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)$/m.exec(block) ?? [];
      if (start === undefined || end === undefined) throw new Error(`no VMA: ${block.slice(0, 80)}`);
      return {
        start: BigInt(`0x${start}`),
        end: BigInt(`0x${end}`),
        name: name ?? '',
        flags: (/^VmFlags: (.*)$/m.exec(block)?.[1] ?? '').trim().split(' '),
        rssKiB:
          Number(/^Rss: +(\d+) kB$/m.exec(block)?.[1]) +
          Number(/^(?:Shared|Private)_Hugetlb: +([1-9]\d*) kB$/m.exec(block)?.[1] ?? 0),
      };
    })
    .filter(({ start }) => start < 1n << 63n);
}
