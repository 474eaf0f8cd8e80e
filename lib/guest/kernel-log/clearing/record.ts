import type { KernelChange } from '../../../change/index.js';
import { _PAGE_PRESENT, effectOfPin, hex } from '../../../paging/index.js';
import { describeLoss, hasLoss } from '../entry.js';
import type { ExpectedPage } from './expected-page.js';
import type { PageFinding } from './finding.js';
import { isSameFrame } from './frames.js';
import type { ClearingLog, ClearingRecord } from './pair.js';
import { ACCESSED_DIRTY, describeChange } from './pte-change.js';

/** What is wrong with the record of one page that was mapped once. */
export function recordFindings(record: ClearingRecord, page: ExpectedPage, log: ClearingLog): PageFinding[] {
  const { address, oldPte, newPte } = record;
  const details: Omit<PageFinding, 'address'>[] = [
    ...halfFindings(record, log),
    ...(oldPte === undefined ? [] : oldFindings(oldPte, page, log.change)),
    ...(newPte === undefined ? [] : newFindings(newPte, oldPte, page.after, log.change)),
  ];
  return details.map((detail) => ({ ...detail, address }));
}

type Detail = Omit<PageFinding, 'address'>;

/** A line of the two is missing, or was cut off. */
function halfFindings(
  { seen, oldPte, newPte }: ClearingRecord,
  { lost, change: { log } }: ClearingLog,
): Detail[] {
  if (seen === 'both') {
    const isOldCut = oldPte === undefined && log?.begins?.hasPte === true;
    if (!isOldCut && (newPte !== undefined || log?.ends.hasPte !== true)) return [];
    const which = isOldCut ? 'old' : 'new';
    return [
      {
        kind: 'unreadable',
        detail: `the line with its ${which} PTE was cut off or shared with another writer`,
      },
    ];
  }
  const [begins, ends] = [log?.begins?.called ?? '', log?.ends.called ?? ''] as const;
  const [present, absent] = seen === 'clearing-only' ? [begins, ends] : [ends, begins];
  const values =
    seen === 'clearing-only' ? describeValue('old PTE', oldPte) : describeValue('new PTE', newPte);
  if (hasLoss(lost)) {
    const detail = `unknown because ${describeLoss(lost)} kernel log records were lost: '${present}' is there (${values}), '${absent}' is not`;
    return [{ kind: 'unknown', detail }];
  }
  return [
    {
      kind: seen === 'clearing-only' ? 'not-confirmed' : 'not-announced',
      detail: `'${present}' (${values}) without '${absent}'`,
    },
  ];
}

function oldFindings(oldPte: bigint, page: ExpectedPage, change: KernelChange): Detail[] {
  const { before } = page;
  const found: Detail[] = [];
  if ((oldPte & _PAGE_PRESENT) === 0n)
    found.push({ kind: 'old-not-present', detail: `old PTE ${hex(oldPte)} is not present (bit 0 clear)` });
  // A page that is mapped once more was changed before; memory says so too.
  else if (change.isDone(oldPte) && (before === undefined || !change.isDone(before)))
    found.push({
      kind: 'old-done',
      detail: `old PTE ${hex(oldPte)} has ${change.words.done} already: ${change.words.did} before, or a wrong value logged`,
    });
  if (before !== undefined && !canHaveBeen(oldPte, before, page))
    found.push({
      kind: 'old-not-as-in-memory',
      detail: `old PTE in the log ${hex(oldPte)}, in memory before the mapping ${hex(before)}: ${describeChange(before, oldPte)} in the log`,
    });
  return found;
}

/** The driver reads the old PTE before the page is pinned or after that, which may change it. */
function canHaveBeen(
  oldPte: bigint,
  before: bigint,
  { after, pin = { write: true } }: ExpectedPage,
): boolean {
  if (!differs(oldPte, before)) return true;
  const { wrong, moved } = effectOfPin(before, oldPte, pin);
  const isPinnedFrame = isSameFrame(oldPte, after);
  return (wrong & ~ACCESSED_DIRTY) === 0n && (!moved || isPinnedFrame);
}

function newFindings(
  newPte: bigint,
  oldPte: bigint | undefined,
  after: bigint | undefined,
  { isDone, mask, words, log }: KernelChange,
): Detail[] {
  const found: Detail[] = [];
  if (!isDone(newPte))
    found.push({
      kind: 'new-not-done',
      detail: `'${log?.ends.called ?? ''}', but new PTE ${hex(newPte)} has ${words.left}`,
    });
  const changed = oldPte === undefined ? 0n : oldPte ^ newPte;
  // The CPU may set A and D between the two. It clears neither.
  if (oldPte !== undefined && (changed & ~(mask | (ACCESSED_DIRTY & newPte))) !== 0n)
    found.push({
      kind: 'other-bits-changed',
      detail: `old PTE ${hex(oldPte)} → new PTE ${hex(newPte)} changes more than ${words.names}: ${describeChange(oldPte, newPte)}`,
    });
  if (after !== undefined && differs(newPte, after))
    found.push({
      kind: 'new-not-as-in-memory',
      detail: `new PTE in the log ${hex(newPte)}, in memory ${hex(after)}: ${describeChange(newPte, after)} in memory`,
    });
  return found;
}

function differs(a: bigint, b: bigint): boolean {
  return ((a ^ b) & ~ACCESSED_DIRTY) !== 0n;
}

function describeValue(name: string, pte: bigint | undefined): string {
  return pte === undefined ? `${name} cut off` : `${name} ${hex(pte)}`;
}
