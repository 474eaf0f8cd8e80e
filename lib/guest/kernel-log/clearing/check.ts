import { hex } from '../../../paging/index.js';
import { describeLoss, hasLoss } from '../entry.js';
import type { ExpectedPage } from './expected-page.js';
import type { ClearingFinding, PageFinding } from './finding.js';
import { isAbout, isSameFrame } from './frames.js';
import { groupFindings } from './group.js';
import { type ClearingLog, type ClearingRecord, recordsByAddress } from './pair.js';
import { RangeIndex } from './range-index.js';
import { recordFindings } from './record.js';

/**
 * What is wrong with the log of a mapping of these pages: each page exactly one pair of lines, old PTE present and not yet changed, new
 * PTE the same but for the change (A and D aside), both as memory held them, and no line about any other page. An address that is listed
 * twice was mapped twice, by one process or by several, whose frames tell which lines are whose; of what was changed before, the log may
 * say so again or not. Empty when all is well, and of a change that logs nothing.
 *
 * A line that is missing while records were lost gives `unknown`, never an accusation.
 */
export function checkClearing(log: ClearingLog, pages: readonly ExpectedPage[]): ClearingFinding[] {
  if (log.change.log === undefined) return [];
  const found = recordsByAddress(log.records);
  const skipped = new RangeIndex(log.notCleared);
  const findings: PageFinding[] = [];
  const own = pages.map((page) => takeOwn(found, page));
  for (const [index, page] of pages.entries()) {
    // What the log says of a page that it says was left alone is about another one.
    const isLeft = isSameFrame(skipped.holding(page.address)?.entry, page.after);
    const record = own[index] ?? (isLeft ? undefined : takeFirst(found, page.address));
    if (record !== undefined) findings.push(...recordFindings(record, page, log));
    // Of a page that was as the change leaves it before, a driver has nothing to say.
    else if (page.before === undefined || !log.change.isDone(page.before))
      findings.push(missing(log, skipped, page));
  }
  const mapped = pages.map(({ address }) => address);
  findings.push(...leftOver(found, new Set(mapped), log), ...unexpectedRanges(mapped, log));
  return groupFindings(findings);
}

/** The oldest record about an address. */
function takeFirst(found: Map<bigint, ClearingRecord[]>, address: bigint): ClearingRecord | undefined {
  return found.get(address)?.pop();
}

/** The oldest record about this page of all that were mapped at its address. */
function takeOwn(
  found: Map<bigint, ClearingRecord[]>,
  { address, after }: ExpectedPage,
): ClearingRecord | undefined {
  const records = found.get(address);
  const index = records?.findLastIndex((record) => isAbout(record, after)) ?? -1;
  return index < 0 ? undefined : records?.splice(index, 1)[0];
}

function leftOver(
  found: Map<bigint, ClearingRecord[]>,
  mapped: ReadonlySet<bigint>,
  { change: { words } }: ClearingLog,
): PageFinding[] {
  const findings: PageFinding[] = [];
  for (const [address, records] of found) {
    const record = records.at(-1);
    if (record === undefined) continue;
    findings.push(
      mapped.has(address)
        ? {
            kind: 'logged-again',
            address,
            detail: `logged ${records.length} time(s) more than the page was mapped`,
          }
        : {
            kind: 'unexpected-page',
            address,
            detail: `the log says that this page was ${words.did} (old PTE ${value(record.oldPte)}, new PTE ${value(record.newPte)}), but it is not part of the mapping`,
          },
    );
  }
  return findings.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}

function unexpectedRanges(mapped: readonly bigint[], { notCleared }: ClearingLog): PageFinding[] {
  if (notCleared.length === 0) return [];
  const ranges = new RangeIndex(notCleared);
  const met = new Set(mapped.map((address) => ranges.holding(address)?.end));
  return notCleared
    .filter(({ start, end }) => !met.has(end) && ranges.holding(start)?.end === end)
    .map(({ start, end, reason }) => ({
      kind: 'unexpected-range',
      address: start,
      detail: `the log says that ${hex(start)}-${hex(end)} was left alone (${reason}), but no page of the mapping is there`,
    }));
}

function missing(log: ClearingLog, skipped: RangeIndex, { address, after }: ExpectedPage): PageFinding {
  const range = skipped.holding(address);
  if (range !== undefined) {
    const entry = range.entry === undefined ? '' : `, entry ${hex(range.entry)}`;
    const detail = `not ${log.change.words.did}, says the kernel: ${range.reason} at ${hex(range.start)}-${hex(range.end)}${entry}`;
    return { kind: 'reported-not-cleared', address, detail };
  }
  if (hasLoss(log.lost)) {
    const detail = `unknown because ${describeLoss(log.lost)} kernel log records were lost; neither line about this page is left`;
    return { kind: 'unknown', address, detail };
  }
  const caveat = log.lossWouldShow
    ? ''
    : ' (this log has no sequence numbers, so lost records would not show)';
  const detail = `mapped, but the log has no line for it${inMemory(after, log)}${caveat}`;
  return { kind: 'not-logged', address, detail };
}

/** Tells 'did it and said nothing' from 'did nothing'. */
function inMemory(after: bigint | undefined, { change: { isDone, words } }: ClearingLog): string {
  if (after === undefined) return '';
  return `; in memory the entry is ${hex(after)}, ${isDone(after) ? words.done : words.left}`;
}

function value(pte: bigint | undefined): string {
  return pte === undefined ? 'not known' : hex(pte);
}
