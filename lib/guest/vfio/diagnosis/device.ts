import {
  hex,
  type MappedRange,
  type PageRun,
  type Rights,
  type SecondLevelEntry,
  type X86Entry,
} from '../../../paging/index.js';
import type { DmaMapping } from '../mapping.js';
import { whichPages } from '../page-list.js';
import { withoutRanges } from '../ranges.js';
import type { Evidence, Finding } from './evidence.js';
import type { PageStates } from './page-states.js';

const pageSize = 4096n;

/**
 * Whether two entries for 4 KiB pages name the same frame, seen without decoding them; false when that takes more. Both formats have
 * the frame in bits 51:12.
 */
function sameFrame(table: PageRun<SecondLevelEntry>, after: PageRun<X86Entry>, page: number): boolean {
  if (table.level[page] !== 1 || after.level[page] !== 1) return false;
  const low = (table.low[page] ?? 0) ^ (after.low[page] ?? 0);
  const high = (table.high[page] ?? 0) ^ (after.high[page] ?? 0);
  return (low & 0xffff_f000) === 0 && (high & 0x000f_ffff) === 0;
}

/** What the device loses or gains that it must not: a page's iova leads to the page's own frame, with the access asked for. */
export function deviceFindings({ mapping, device, made }: Evidence, { altered }: PageStates): Finding[] {
  // What was pinned: later on the process may put other memory there.
  const after = mapping.lookAfter.entries;
  const misplaced = new Set(altered.flatMap(({ moved, pages }) => (moved ? pages : [])));
  const { pages: table, fault } = device;
  const findings: Finding[] = [];
  const { read, write } = mapping.access;
  if (table === undefined) {
    const title = `The device reaches nothing of the mapping: ${fault ?? 'it has no tables'}.`;
    return [{ kind: 'defect', title, details: [] }];
  }
  const absent: number[] = [...table.unmapped()];
  const elsewhere: number[] = [];
  const refused: number[] = [];
  const granted: number[] = [];
  const missing = new Set(absent);
  const frame = (page: number): bigint | undefined =>
    after.at(page)?.physicalAddress ?? mapping.before.at(page)?.physicalAddress;
  // Few sets of rights occur, and many pages: each is decoded once.
  const known = new Map<number, Rights | undefined>();
  const rightsOf = (page: number): Rights | undefined => {
    const packed = table.effective[page] ?? 0;
    if (!known.has(packed)) known.set(packed, table.at(page)?.effectiveRights);
    return known.get(packed);
  };
  for (let page = 0; page < mapping.pages; page += 1) {
    if (missing.has(page)) continue;
    const isElsewhere = !sameFrame(table, after, page) && table.at(page)?.physicalAddress !== frame(page);
    if (isElsewhere && !misplaced.has(page)) elsewhere.push(page);
    const rights = rightsOf(page);
    if (rights === undefined || (read && !rights.read) || (write && !rights.write)) refused.push(page);
    else if (!write && rights.write) granted.push(page);
  }
  const add = (pages: readonly number[], title: string, seen: (page: number) => string): void => {
    const [first] = pages;
    if (first === undefined) return;
    const iova = hex(mapping.iova + BigInt(first) * pageSize);
    const details = [`page ${first}, iova ${iova}: ${seen(first)}`];
    const which = whichPages(pages, mapping.pages);
    const address = mapping.pageAddress(first);
    findings.push({ kind: 'defect', title: title.replace('%s', which), address, details });
  };
  const entry = (page: number): string => hex(table.at(page)?.raw ?? 0n);
  add(
    elsewhere,
    'The IOMMU maps %s to another frame than the PTE names: the device would touch memory that is not the page.',
    (page) => `the IOMMU's entry is ${entry(page)}, the process's page lies at ${hex(frame(page) ?? 0n)}`,
  );
  add(
    absent,
    'The IOMMU does not map %s: the device cannot reach it.',
    (page) => `its entry is ${entry(page)}`,
  );
  const wanted = [read ? 'read' : '', write ? 'write' : ''].filter(Boolean).join(' and ');
  add(refused, `The IOMMU does not let the device ${wanted} %s, as the mapping asked.`, (page) => {
    const rights = table.at(page)?.effectiveRights;
    return `its entry is ${entry(page)}: read ${rights?.read === true ? 'yes' : 'no'}, write ${rights?.write === true ? 'yes' : 'no'}`;
  });
  add(
    granted,
    'The IOMMU lets the device write to %s, though the mapping asked for reading alone.',
    (page) => `its entry is ${entry(page)}`,
  );
  findings.push(...strayFindings(mapping, device.reachable, made));
  return findings;
}

/** What the device reaches though no mapping asked for it: the IOMMU's tables hold the live mappings and nothing else. */
function strayFindings(
  mapping: DmaMapping,
  reachable: readonly MappedRange[],
  made: readonly DmaMapping[],
): Finding[] {
  // Processes with a device of their own have tables of their own.
  const live = made.filter(
    ({ process, isLive }) => isLive && process.host.device === mapping.process.host.device,
  );
  const asked = [...live.map(({ iova, size }) => ({ address: iova, size })), ...mapping.process.iovasByHand];
  const stray = reachable.flatMap((range) => withoutRanges(range, asked));
  const [first] = stray;
  if (first === undefined) return [];
  const gone = made.find(
    ({ isLive, iova, size }) => !isLive && first.start >= iova && first.start < iova + size,
  );
  const isBeside = first.end === mapping.iova || first.start === mapping.iova + mapping.size;
  const what = `iova ${hex(first.start)}${isBeside ? ', right beside it, too' : ''}`;
  return [
    {
      kind: 'defect',
      title: gone
        ? `The IOMMU still maps what was unmapped: ${what}.`
        : `The IOMMU maps more than the mapping asked for: ${what}.`,
      details: stray
        .slice(0, 4)
        .map(
          ({ start, end, physicalAddress }) =>
            `${hex(start)}-${hex(end)}, in a range of frames from ${hex(physicalAddress)} on`,
        ),
    },
  ];
}
