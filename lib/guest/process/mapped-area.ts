import {
  decodeX86Entry,
  type LinuxMeaning,
  linuxVersionOf,
  type Level,
  type Scan,
  type X86Entry,
} from '../../paging/index.js';
import type { SmapsArea } from './smaps.js';

/** An entry that is not empty: of a page, of a huge page, or of one that is not there. */
export interface AreaEntry {
  /** The first address that it is for. */
  readonly address: bigint;
  /** 1: 4 KiB, 2: 2 MiB, 3: 1 GiB. */
  readonly level: Level;
  readonly raw: bigint;
  /** `entry.linux` is what the process's kernel means by it. */
  readonly entry: X86Entry;
}

/** A VMA of a process, and what its page tables have there. */
export interface MappedArea extends SmapsArea {
  /** In the order of addresses. */
  readonly entries: readonly AreaEntry[];
  /** How many 4 KiB pages are present, PROT_NONE, swapped, …; states that there are not are left out. */
  readonly pages: Readonly<Partial<Record<LinuxMeaning['state'], number>>>;
}

/** @param areas in the order of addresses @param release of the kernel: `6.1.0-50-amd64` */
export function joined(areas: readonly SmapsArea[], scan: Scan<X86Entry>, release: string): MappedArea[] {
  const kernel = linuxVersionOf(release);
  const all = [...scan, ...scan.absent()].sort((one, other) => (one.address < other.address ? -1 : 1));
  let next = 0;
  return areas.map((area) => {
    const entries: AreaEntry[] = [];
    const pages: Partial<Record<LinuxMeaning['state'], number>> = {};
    for (let row = all[next]; row && row.address < area.end; row = all[(next += 1)]) {
      if (row.address < area.start) continue;
      const { address, level, raw } = row;
      const entry = decodeX86Entry(raw, level, { kernel });
      const { state } = entry.linux ?? { state: 'empty' };
      entries.push({ address, level, raw, entry });
      pages[state] = (pages[state] ?? 0) + 512 ** (level - 1);
    }
    return { ...area, entries, pages };
  });
}
