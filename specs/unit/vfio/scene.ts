import { clearPageUser, type KernelChange } from '../../../lib/change/index.js';
import {
  diffScans,
  mappedRanges,
  type ScanDiff,
  PTE_PFN_MASK,
  scanSync,
  secondLevelSpace,
  walkRangeSync,
  walkSync,
  x86Space,
} from '../../../lib/paging/index.js';
import { pairClearings, parseKernelLog } from '../../../lib/guest/kernel-log/index.js';
import { diagnose, type Finding } from '../../../lib/guest/vfio/diagnosis/index.js';
import { readContents } from '../../../lib/guest/vfio/contents.js';
import type { DmaMapping, Look } from '../../../lib/guest/vfio/mapping.js';
import type { VfioProcess } from '../../../lib/guest/vfio/process.js';
import { TableBuilder } from '../paging/support/table-builder.js';

/** What a driver did with a mapping of four pages; each part as a correct one does it unless told otherwise. */
export interface Deeds {
  /** What the driver is held against. Default: clearPageUser. */
  readonly change?: KernelChange;
  /** Entries of pages -1 to 4 before the mapping, 0 where nothing was mapped. */
  readonly before?: (page: number) => bigint;
  /** What the device may do. Default: read and write. */
  readonly write?: boolean;
  /** What pinning does to the entries, where it does anything. */
  readonly pin?: (page: number, before: bigint) => bigint;
  /** Entries of pages -1 to 4 after the mapping; the mapping itself is 0 to 3. `before` is what pinning left. */
  readonly entry?: (page: number, before: bigint) => bigint;
  /** Bits that are cleared in the PMD entry above all of them. */
  readonly upperCleared?: bigint;
  /** Entries some time later. */
  readonly later?: (page: number, made: bigint) => bigint;
  /** A device address at which the IOMMU maps the first page once more. */
  readonly alias?: bigint;
  /** A byte of page 0, before and after the mapping. */
  readonly byte?: readonly [number, number];
  /** A page's entry in another process, before and after the mapping. */
  readonly other?: readonly [bigint, bigint];
  /** The leaf entry of a page of the kernel half. */
  readonly kernelLeaf?: readonly [address: bigint, raw: bigint];
  /** The log's lines for a page. */
  readonly log?: (page: number, address: bigint, before: bigint, after: bigint) => string[];
  /** The IOMMU's entries for pages 0 to 4. */
  readonly device?: (page: number, frame: bigint) => bigint;
}

const start = 0x7f00_0000_1000n;
export const pages = 4;
const iova = 0x20_0000n;
const pageSize = 4096n;

/** A page's entry before the mapping: present, writable, user, accessed, dirty, no-execute. */
export function entryBefore(page: number): bigint {
  return 0x8000_0000_0000_0067n | frameOf(page);
}

export function frameOf(page: number): bigint {
  return 0x1000_0000n + BigInt(page + 8) * pageSize;
}

export function lines(address: bigint, before: bigint, after: bigint): string[] {
  return [
    `VFIO: Clearing _PAGE_USER at vaddr 0x${address.toString(16)}, old PTE: 0x${before.toString(16)}`,
    `VFIO: Successfully cleared _PAGE_USER at vaddr 0x${address.toString(16)}, new PTE: 0x${after.toString(16)}`,
  ];
}

/** How a process changes in which one page's entry does. */
function changeOfOne(before: bigint, after: bigint): ScanDiff {
  const builder = new TableBuilder();
  const space = x86Space({ cr3: builder.root });
  const seen = [before, after].map((raw) => {
    builder.map(start, raw);
    return scanSync(builder.memory, space, { range: 'user' });
  });
  const [first, second] = seen;
  if (!first || !second) throw new TypeError('two entries give two scans');
  return diffScans(first, second);
}

/** The diagnosis of such a driver, with real page tables and a real log behind it. */
export async function diagnosisOf(deeds: Deeds = {}): Promise<Finding[]> {
  const { change = clearPageUser } = deeds;
  const { set = 0n, cleared = 0n } = change.bits;
  const correct = (page: number, before: bigint): bigint =>
    page >= 0 && page < pages ? (before & ~cleared) | set : before;
  const entry = deeds.entry ?? correct;
  const before = deeds.before ?? entryBefore;
  const pinned = (page: number): bigint => (deeds.pin ?? ((_, entry) => entry))(page, before(page));
  const madeOf = (page: number): bigint => entry(page, pinned(page));
  const log = deeds.log ?? ((_, address, before, after) => lines(address, before, after));
  const rights = deeds.write === false ? 1n : 3n;
  const device = deeds.device ?? ((page, frame) => (page < pages ? frame | rights : 0n));

  const builder = new TableBuilder();
  const tables = new TableBuilder({ levels: 4, tableFlags: 3n, base: 0x80_0000n, memory: builder.memory });
  const everyPage = [-1, 0, 1, 2, 3, 4];
  for (const page of everyPage) builder.map(addressOf(page), before(page));
  for (const page of [0, 1, 2, 3, 4])
    tables.map(iova + BigInt(page) * pageSize, device(page, pinned(page) & PTE_PFN_MASK));
  if (deeds.alias !== undefined) tables.map(deeds.alias, frameOf(0) | 3n);
  if (deeds.kernelLeaf) builder.map(...deeds.kernelLeaf);
  const space = x86Space({ cr3: builder.root });
  const second = secondLevelSpace({ table: tables.root, levels: 4 });
  const { memory } = builder;

  const look = async (byte: number | undefined): Promise<Look> => {
    const entries = walkRangeSync(memory, space, start, pages);
    const contents = new Uint8Array(4096).fill(byte ?? 0);
    const filled = { read: () => Promise.resolve(contents), readSync: () => contents };
    return {
      entries,
      space: scanSync(memory, space, { range: 'user' }),
      others: new Map(),
      contents: byte === undefined ? undefined : await readContents(entries, filled),
    };
  };
  const lookBefore = await look(deeds.byte?.[0]);
  for (const page of everyPage) builder.map(addressOf(page), madeOf(page));
  if (deeds.upperCleared !== undefined) {
    const table = builder.entryAddress(start, 2);
    memory.write64(table, memory.read64(table) & ~deeds.upperCleared);
  }
  const lookAfter = await look(deeds.byte?.[1]);
  if (deeds.later)
    for (const page of everyPage) builder.map(addressOf(page), deeds.later(page, madeOf(page)));

  const text = [0, 1, 2, 3]
    .flatMap((page) => log(page, addressOf(page), pinned(page), correct(page, pinned(page))))
    .map((line, index) => `6,${index},${index},-;${line}\n`)
    .join('');
  const mapping = {
    address: start,
    iova,
    size: BigInt(pages) * pageSize,
    pages,
    access: { iova, read: true, write: deeds.write ?? true },
    before: lookBefore.entries,
    lookBefore,
    lookAfter,
    pageAddress: addressOf,
    isLive: true,
    process: { host: {}, iovasByHand: [] },
  } as unknown as DmaMapping;
  return diagnose({
    mapping,
    change,
    after: walkRangeSync(memory, space, start, pages),
    changes: diffScans(lookBefore.space, lookAfter.space),
    changesSince: diffScans(lookAfter.space, scanSync(memory, space, { range: 'user' })),
    othersChanges: new Map(
      deeds.other && [[{ pid: 7 } as unknown as VfioProcess, changeOfOne(...deeds.other)]],
    ),
    kernelHalf: scanSync(memory, space, { range: 'kernel' }),
    walk: walkSync(memory, space, start),
    log: pairClearings(parseKernelLog(text, { format: 'kmsg' }), change),
    device: {
      pages: walkRangeSync(memory, second, iova, pages),
      fault: undefined,
      reachable: mappedRanges(scanSync(memory, second)),
    },
    made: [mapping],
  });
}

function addressOf(page: number): bigint {
  return start + BigInt(page) * pageSize;
}
