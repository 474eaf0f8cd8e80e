import { _PAGE_DIRTY, _PAGE_PRESENT, hex, PTE_PFN_MASK } from '../../../paging/index.js';
import { describeChange } from '../../kernel-log/index.js';
import { ZEROS } from '../contents.js';
import { whichPages } from '../page-list.js';
import { deviceFindings } from './device.js';
import type { Evidence, Finding } from './evidence.js';
import { kernelHalfFindings } from './kernel-half.js';
import { findShift, logFindings, LogIndex } from './log.js';
import { neighbourFindings, otherProcessFindings } from './neighbours.js';
import { type PageStates, sortPages } from './page-states.js';

/**
 * What is wrong with a mapping whose pages must be as the change leaves them, named as the defect of the driver that it is: memory
 * before and after, the log, the IOMMU's tables and the rest of the address space are held against each other. Empty when all
 * is well. The gravest comes first.
 */
export function diagnose(evidence: Evidence): Finding[] {
  const { mapping, change, after, log } = evidence;
  const { words, states: state } = change;
  const index = new LogIndex(evidence);
  const states = sortPages(
    evidence,
    (page) => index.isLogged(page),
    (page) => index.isSkipped(page),
  );
  const made = mapping.lookAfter.entries;
  const shift = findShift(evidence, index);
  const findings: Finding[] = [];
  const add = (pages: readonly number[], title: string, seen: (page: number) => string): void => {
    const [first] = pages;
    if (first === undefined) return;
    const address = mapping.pageAddress(first);
    const details = [`page ${first} at ${hex(address)}: ${seen(first)}`];
    const which = whichPages(pages, mapping.pages);
    findings.push({ kind: 'defect', title: title.replace('%s', which), address, details });
  };
  const raw = (page: number, run = made): string => hex(run.at(page)?.raw ?? 0n);
  const rawBefore = (page: number): string => raw(page, mapping.before);

  for (const { pages, wrong, moved } of states.altered) {
    const page = pages[0] ?? 0;
    const is = made.at(page)?.raw ?? 0n;
    const right = is ^ wrong ^ (moved ? (is ^ (mapping.before.at(page)?.raw ?? is)) & PTE_PFN_MASK : 0n);
    const isLeft = (is & _PAGE_PRESENT) !== 0n && !change.isDone(is) && (wrong & change.mask) === 0n;
    const left = isLeft ? `; ${words.bits} stays ${words.was}` : '';
    add(
      pages,
      `The driver changes the wrong bits of %s: ${describeChange(right, is)}${left}. ${words.only}.`,
      () => `PTE ${rawBefore(page)} before VFIO_IOMMU_MAP_DMA, ${hex(is)} when it returned`,
    );
  }
  add(
    states.closedAbove,
    `The driver ${words.does} ${words.names} in ${nameOfClosed(evidence)}, not in the PTEs of %s: all that is below it is ${state.done}.`,
    (page) => `the PTE is ${raw(page)}, which is ${state.left}`,
  );
  findings.push(...contentFindings(evidence, states));
  add(
    states.claimed,
    `The driver logs %s as ${words.did} but does not do it: ${words.isLeft} in memory when VFIO_IOMMU_MAP_DMA returns.`,
    (page) => `the log says '${change.log?.ends.called ?? ''}', the PTE is ${raw(page)}`,
  );
  add(
    states.reopened,
    `The driver does not keep %s ${state.done}: ${words.wasDone} when VFIO_IOMMU_MAP_DMA returned and is ${words.was} now. Either it puts the bit back, or the process changed the protection since (mprotect), or the kernel made the entry anew: it tries to move pages of files though they are pinned (compaction, reclaim).`,
    (page) => `PTE ${raw(page)} when it returned, ${raw(page, after)} now`,
  );
  add(
    states.replaced,
    `Other memory, ${state.left}, is at %s: its addresses have other frames than those that were ${words.did}. The process put them there since (munmap, MADV_DONTNEED, mremap).`,
    (page) => `PTE ${raw(page)} when VFIO_IOMMU_MAP_DMA returned, ${raw(page, after)} now`,
  );
  const silence = change.log ? ' and the log says nothing' : '';
  const areHuge = states.forgotten.every((page) => (made.level[page] ?? 1) > 1);
  const how = areHuge
    ? ' They lie in huge pages (2 MiB or 1 GiB).'
    : states.forgotten.length === mapping.pages
      ? othersDone(evidence)
      : '';
  add(
    states.forgotten,
    `The driver forgets %s: ${words.bits} is still ${words.was} in memory${silence}.${how}`,
    (page) => `the PTE is ${raw(page)}${change.log ? '; no line in the log' : ''}`,
  );
  if (shift !== undefined) findings.push(shift);
  else {
    add(
      index.hasLoss ? [] : states.silent,
      `The driver ${words.does} %s without logging: ${words.isDone} in memory, and the log has no pair of lines.`,
      (page) => `PTE ${rawBefore(page)} before, ${raw(page)} now; not in the log`,
    );
  }
  add(
    index.hasLoss ? [] : states.denied,
    `The driver ${words.does} %s and logs that it leaves them alone: ${words.isDone} in memory, and the log has no pair of lines.`,
    (page) =>
      `PTE ${rawBefore(page)} before, ${raw(page)} when it returned; the log says that it was not ${words.did}`,
  );
  findings.push(
    ...neighbourFindings(evidence),
    ...otherProcessFindings(evidence),
    ...kernelHalfFindings(evidence),
  );
  if (shift === undefined) findings.push(...logFindings(evidence, states));
  findings.push(...deviceFindings(evidence, states));
  findings.push(...skippedFindings(evidence, states.skipped, log));
  return findings;
}

/** What the kernel said itself that it left alone. */
function skippedFindings(
  { mapping, change }: Evidence,
  pages: readonly number[],
  { notCleared }: Evidence['log'],
): Finding[] {
  const [first] = pages;
  if (first === undefined) return [];
  const address = mapping.pageAddress(first);
  const said = notCleared.find(({ start, end }) => address >= start && address < end);
  const title = `The driver leaves ${whichPages(pages, mapping.pages)} ${change.states.left}, and its log says so: ${said?.reason ?? 'unknown reason'}.`;
  const end = mapping.address + mapping.size;
  const details = notCleared
    .filter((range) => range.start < end && range.end > mapping.address)
    .slice(0, 8)
    .map(
      ({ start, end, reason, entry }) =>
        `not ${change.words.did}, says the log: ${hex(start)}-${hex(end)} (${reason}${entry === undefined ? '' : `, entry ${hex(entry)}`})`,
    );
  return [{ kind: 'not-cleared-but-said', title, address, details }];
}

/** Pages that hold something else than before, though only their entries are the driver's business. */
function contentFindings({ mapping }: Evidence, { altered }: PageStates): Finding[] {
  const { lookBefore, lookAfter, pages } = mapping;
  const elsewhere = new Set(altered.flatMap((group) => (group.moved ? group.pages : [])));
  const changed = Array.from({ length: pages }, (_, page) => page).filter((page) => {
    const was = lookBefore.contents?.[page];
    const is = lookAfter.contents?.[page];
    if (was === undefined || is === undefined || was === is || elsewhere.has(page)) return false;
    // Given up by its process (MADV_FREE), a page may be dropped until it is written to: there are zeros then.
    const isClean = ((lookBefore.entries.at(page)?.raw ?? 0n) & _PAGE_DIRTY) === 0n;
    return !(isClean && is === ZEROS);
  });
  const [first] = changed;
  if (first === undefined) return [];
  return [
    {
      kind: 'defect',
      title: `The driver changes what lies in ${whichPages(changed, pages)}: other bytes than before VFIO_IOMMU_MAP_DMA.`,
      details: [
        `page ${first}: frame ${hex(lookBefore.entries.at(first)?.physicalAddress ?? 0n)} before, ${hex(lookAfter.entries.at(first)?.physicalAddress ?? 0n)} after`,
      ],
    },
  ];
}

/** The entry above the leaf that is as the change leaves leaves, by its kernel's name. */
function nameOfClosed({ walk, change }: Evidence): string {
  const closed = walk.steps.find(({ entry }) => entry.present && change.isDone(entry.raw));
  return closed === undefined
    ? 'an entry above'
    : `the ${kernelNames[closed.level]} entry ${hex(closed.raw)}`;
}

/** How Linux calls an entry of a level (Documentation/mm/page_tables.rst). */
const kernelNames = { 1: 'PTE', 2: 'PMD', 3: 'PUD', 4: 'P4D', 5: 'PGD' } as const;

/** Which other mappings of its process were done, when this one was not at all. */
function othersDone({ mapping, change, made }: Evidence): string {
  const own = made.filter(({ process }) => process === mapping.process);
  const done = own.filter(({ lookAfter }) => lookAfter.entries.failing(change.bits).length === 0);
  if (done.length === 0) return '';
  if (done.length === 1 && done[0] === own[0])
    return ` Of the ${own.length} mappings that its process made only the first one is done.`;
  return ` Of the ${own.length} mappings that its process made ${done.length} are done; this is number ${own.indexOf(mapping) + 1}.`;
}
