import { levelSize, type Level, tableIndex } from '../../paging/index.js';

/** A page of the guest's own address space. */
export interface GuestPage {
  /** Canonical, a multiple of the page's size. */
  readonly linear: bigint;
  /** Guest-physical, a multiple of the page's size. */
  readonly physical: bigint;
  /** 1: 4 KiB, 2: 2 MiB, 3: 1 GiB. */
  readonly level: Level & (1 | 2 | 3);
}

/** Consecutive entries of the guest's tables. */
export interface EntryRun {
  /** Guest-physical address of the first. */
  readonly address: bigint;
  readonly entries: readonly bigint[];
}

const tableBytes = 4096n;
/** P, W and U: what the processor is to set, A and D, is left clear. */
const present = 0b111n;
const pageSizeBit = 1n << 7n;

/**
 * Four levels of tables, for guest-physical memory from `base` on, whose first page is the top table.
 *
 * @returns what is to be written, in order of address, and where the tables end
 */
export function guestTables(
  base: bigint,
  pages: readonly GuestPage[],
): { readonly cr3: bigint; readonly end: bigint; readonly runs: readonly EntryRun[] } {
  const entries = new Map<bigint, bigint>();
  let end = base + tableBytes;
  for (const { linear, physical, level } of pages) {
    let table = base;
    for (const above of ([4, 3, 2] as const).filter((each) => each > level)) {
      const at = table + BigInt(tableIndex(linear, above)) * 8n;
      let entry = entries.get(at);
      if (entry === undefined) {
        entry = end | present;
        end += tableBytes;
        entries.set(at, entry);
      }
      table = entry & ~present;
    }
    if (linear % levelSize(level) !== 0n || physical % levelSize(level) !== 0n) {
      throw new RangeError(`0x${linear.toString(16)} and its page must be multiples of the page's size.`);
    }
    entries.set(
      table + BigInt(tableIndex(linear, level)) * 8n,
      physical | present | (level === 1 ? 0n : pageSizeBit),
    );
  }
  return { cr3: base, end, runs: runsOf(entries) };
}

function runsOf(entries: ReadonlyMap<bigint, bigint>): EntryRun[] {
  const runs: { address: bigint; entries: bigint[] }[] = [];
  for (const [address, entry] of [...entries].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const last = runs.at(-1);
    // A run ends with its table, so that each fits a line of the protocol.
    const follows = last !== undefined && last.address + BigInt(last.entries.length) * 8n === address;
    if (follows && address % tableBytes !== 0n) last.entries.push(entry);
    else runs.push({ address, entries: [entry] });
  }
  return runs;
}
