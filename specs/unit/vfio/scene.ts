import { diffScans, scanSync, secondLevelSpace, walkRangeSync, x86Space } from '../../../lib/paging/index.js';
import { pairClearings, parseKernelLog } from '../../../lib/guest/kernel-log/index.js';
import { diagnose, type Finding } from '../../../lib/guest/vfio/diagnosis/index.js';
import type { DmaMapping } from '../../../lib/guest/vfio/mapping.js';
import { TableBuilder } from '../paging/support/table-builder.js';

/** What a driver did with a mapping of four pages; each part as a correct one does it unless told otherwise. */
export interface Deeds {
  /** Entries of pages -1 to 4 after the mapping; the mapping itself is 0 to 3. */
  readonly entry?: (page: number, before: bigint) => bigint;
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
function entryBefore(page: number): bigint {
  return 0x8000_0000_0000_0067n | frameOf(page);
}

function frameOf(page: number): bigint {
  return 0x1000_0000n + BigInt(page + 8) * pageSize;
}

export function lines(address: bigint, before: bigint, after: bigint): string[] {
  return [
    `VFIO: Clearing _PAGE_USER at vaddr 0x${address.toString(16)}, old PTE: 0x${before.toString(16)}`,
    `VFIO: Successfully cleared _PAGE_USER at vaddr 0x${address.toString(16)}, new PTE: 0x${after.toString(16)}`,
  ];
}

/** The diagnosis of such a driver, with real page tables and a real log behind it. */
export function diagnosisOf(deeds: Deeds = {}): Finding[] {
  const correct = (page: number, before: bigint): bigint =>
    page >= 0 && page < pages ? before & ~4n : before;
  const entry = deeds.entry ?? correct;
  const log = deeds.log ?? ((_, address, before, after) => lines(address, before, after));
  const device = deeds.device ?? ((page, frame) => (page < pages ? frame | 3n : 0n));

  const builder = new TableBuilder();
  const tables = new TableBuilder({ levels: 4, tableFlags: 3n, base: 0x80_0000n, memory: builder.memory });
  const everyPage = [-1, 0, 1, 2, 3, 4];
  for (const page of everyPage) builder.map(addressOf(page), entryBefore(page));
  for (const page of [0, 1, 2, 3, 4]) tables.map(iova + BigInt(page) * pageSize, device(page, frameOf(page)));
  tables.map(iova - pageSize, 0n);
  const space = x86Space({ cr3: builder.root });
  const second = secondLevelSpace({ table: tables.root, levels: 4 });
  const { memory } = builder;

  const before = walkRangeSync(memory, space, start, pages);
  const spaceBefore = scanSync(memory, space, { range: 'user' });
  for (const page of everyPage) builder.map(addressOf(page), entry(page, entryBefore(page)));

  const text = [0, 1, 2, 3]
    .flatMap((page) => log(page, addressOf(page), entryBefore(page), correct(page, entryBefore(page))))
    .map((line, index) => `6,${index},${index},-;${line}\n`)
    .join('');
  const mapping = {
    address: start,
    iova,
    size: BigInt(pages) * pageSize,
    pages,
    access: { iova, read: true, write: true },
    before,
    spaceBefore,
    pageAddress: addressOf,
    process: { allocations: [] },
  } as unknown as DmaMapping;
  return diagnose({
    mapping,
    after: walkRangeSync(memory, space, start, pages),
    changes: diffScans(spaceBefore, scanSync(memory, space, { range: 'user' })),
    log: pairClearings(parseKernelLog(text, { format: 'kmsg' })),
    device: {
      pages: walkRangeSync(memory, second, iova, pages),
      fault: undefined,
      beside: [
        walkRangeSync(memory, second, iova - pageSize, 1),
        walkRangeSync(memory, second, iova + BigInt(pages) * pageSize, 1),
      ],
    },
    made: [mapping],
  });
}

function addressOf(page: number): bigint {
  return start + BigInt(page) * pageSize;
}
