import type { GuestCall } from '../../../../lib/guest/vfio/process.js';
import { PteHistory, type PteWrite, type RecordedRange } from '../../../../lib/history/history.js';
import { x86Space } from '../../../../lib/paging/index.js';

export const open = 0x8000_0000_0316_3867n;
export const closed = open & ~4n;

/** Two pages. */
export const range: RecordedRange = {
  space: x86Space({ cr3: 0n }),
  address: 0x10_0000n,
  pages: 2,
  pid: 7,
};

/** They are mapped for DMA between 100 and 200. */
export function mapOf({ address, pages, pid = 7 }: RecordedRange): GuestCall {
  return { op: 'map', pid, vaddr: address, size: BigInt(pages) * 4096n, sent: 100, answered: 200 };
}

/** A history of a range from 50 on: each write is a time, a page and what the entry became. Default of `first`: all pages are open. */
export function historyOf(
  writes: readonly (readonly [at: number, page: number, raw: bigint])[],
  recorded = range,
  first = Array<bigint>(recorded.pages).fill(open),
  calls: readonly GuestCall[] = [mapOf(recorded)],
): PteHistory {
  const states = first.map((raw) => ({ level: 1 as const, raw, at: 0n }));
  const history = new PteHistory(recorded, 50, states, calls, {
    name: () => Promise.reject(new Error('no kernel')),
    sync: () => Promise.resolve(),
  });
  const now = [...states];
  for (const [at, page, raw] of writes) {
    const before = now[page] ?? { level: 1, raw: 0n, at: 0n };
    const after = { ...before, raw };
    const write: PteWrite = { at, guestMs: undefined, page, address: 0n, before, after, writer: undefined };
    now[page] = after;
    history.add(write);
  }
  return history;
}
