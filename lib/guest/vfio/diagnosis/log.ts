import type { KernelChange } from '../../../change/index.js';
import { hex, joinHalves, type PageRun, PTE_PFN_MASK } from '../../../paging/index.js';
import {
  checkClearing,
  type ClearingFinding,
  type ClearingFindingKind,
  type ClearingRecord,
  type ExpectedPage,
  hasLoss,
  isAbout,
  isSameFrame,
  RangeIndex,
  recordsByAddress,
  type UnclearedRange,
} from '../../kernel-log/index.js';
import type { DmaMapping } from '../mapping.js';
import type { Evidence, Finding } from './evidence.js';
import type { PageStates } from './page-states.js';

/** Answers for a mapping's pages what the log says of them. Of what other processes have at the same addresses it says nothing here. */
export class LogIndex {
  readonly hasLoss: boolean;
  readonly #mapping: DmaMapping;
  readonly #change: KernelChange;
  /** Pairs of lines, by address. */
  readonly #pairs: ReadonlyMap<bigint, readonly ClearingRecord[]>;
  readonly #skipped: RangeIndex;
  readonly #overlapping: readonly DmaMapping[];

  constructor({ mapping, change, log, made }: Evidence) {
    this.#mapping = mapping;
    this.#change = change;
    this.hasLoss = hasLoss(log.lost);
    const end = mapping.address + mapping.size;
    this.#overlapping = made.filter(({ address, size }) => address < end && address + size > mapping.address);
    this.#pairs = recordsByAddress(log.records.filter(({ seen }) => seen === 'both'));
    this.#skipped = new RangeIndex(log.notCleared.filter((range) => !this.#isOfOther(range)));
  }

  /** A pair of lines for every time that the page was mapped and was not yet as the change leaves it. */
  isLogged(page: number): boolean {
    const address = this.#mapping.pageAddress(page);
    const pairs = this.#pairs.get(address) ?? [];
    if (this.#overlapping.length === 1) return pairs.length > 0;
    const own = entryAt(this.#mapping, address);
    const here = this.#overlapping.map((mapping) => ({ mapping, pte: entryAt(mapping, address) }));
    const others = here.filter(({ pte }) => pte !== undefined && !isSameFrame(pte, own));
    const count = pairs.filter((pair) => !others.some(({ pte }) => isAbout(pair, pte))).length;
    const times = here.filter(({ mapping, pte }) => isSameFrame(pte, own) && this.#wasOpen(mapping, address));
    return count >= Math.max(1, times.length);
  }

  #wasOpen({ address: start, before }: DmaMapping, address: bigint): boolean {
    const was = before.at(pageAt(start, address));
    return was !== undefined && (was.status !== 'mapped' || !this.#change.isDone(was.raw ?? 0n));
  }

  isSkipped(page: number): boolean {
    return this.#skipped.holding(this.#mapping.pageAddress(page)) !== undefined;
  }

  /** Whether what was left alone is another mapping's entry: that of a huge page, which all of its pages have. */
  #isOfOther({ start, entry }: UnclearedRange): boolean {
    const address = start > this.#mapping.address ? start : this.#mapping.address;
    return (
      !isSameFrame(entry, entryAt(this.#mapping, address)) &&
      this.#overlapping.some((mapping) => isSameFrame(entry, entryAt(mapping, address)))
    );
  }
}

/** The leaf of a mapping's page right after it was made; undefined where there is none. */
function entryAt({ address: start, size, lookAfter }: DmaMapping, address: bigint): bigint | undefined {
  if (address < start || address >= start + size) return undefined;
  return lookAfter.entries.at(pageAt(start, address))?.raw;
}

function pageAt(start: bigint, address: bigint): number {
  return Number((address - start) / 4096n);
}

/** Kinds that say of the log alone what the state of the pages says better. */
const saidElsewhere: ReadonlySet<ClearingFindingKind> = new Set([
  'not-logged',
  'reported-not-cleared',
  'old-done',
]);

function titlesOf({ words, log }: KernelChange): Partial<Record<ClearingFindingKind, string>> {
  const [begins, ends] = [`'${log?.begins?.called ?? ''}'`, `'${log?.ends.called ?? ''}'`];
  return {
    'old-not-present': 'The driver logs an old PTE that is not present',
    'new-not-done': `The driver logs ${ends} with a new PTE that has ${words.left}`,
    'other-bits-changed': `The driver logs an old and a new PTE that differ in more than ${words.names}`,
    'old-not-as-in-memory': 'The driver logs a wrong old PTE: it is not what memory held before the mapping',
    'new-not-as-in-memory': 'The driver logs a wrong new PTE: it is not what memory holds',
    'unexpected-page': `The driver logs a page as ${words.did} that was never mapped for DMA`,
    'unexpected-range': 'The driver logs that it leaves alone what was never mapped for DMA',
    'logged-again': 'The driver logs the same page more than once',
    'not-confirmed': `The driver logs ${begins} but never ${ends}`,
    'not-announced': `The driver logs ${ends} without ${begins}`,
    unknown: 'The kernel log cannot tell: records were lost',
    unreadable: 'The kernel log cannot tell: lines were cut off',
  };
}

/** What is wrong with the log's lines about this mapping, and with lines about no mapping at all. */
export function logFindings(
  { mapping, change, log, made }: Evidence,
  { claimed, altered }: PageStates,
): Finding[] {
  const pages = made.flatMap(expectedPages);
  // Of a page that was not cleared at all the log's new PTE is wrong too, but that is no second defect.
  const explained = claimed.length + altered.length > 0;
  const found = checkClearing(log, pages).filter(
    ({ kind, address, pages: count }) =>
      !saidElsewhere.has(kind) &&
      !(
        explained &&
        (kind === 'new-not-as-in-memory' || kind === 'new-not-done' || kind === 'other-bits-changed')
      ) &&
      (kind.startsWith('unexpected-') || overlaps(mapping, address, count)),
  );
  const titles = titlesOf(change);
  const byKind = new Map<ClearingFindingKind, ClearingFinding[]>();
  for (const finding of found) byKind.set(finding.kind, [...(byKind.get(finding.kind) ?? []), finding]);
  // Which of the two values is wrong says more than that they do not fit each other.
  const kinds = [...byKind].sort(([a], [b]) => vagueness(a) - vagueness(b));
  return kinds.map(([kind, findings]) => ({
    kind: findings.every(({ proves }) => !proves) ? 'unknown' : 'defect',
    title: `${titles[kind] ?? kind}: ${findings[0]?.message ?? ''}`,
    ...(findings[0] === undefined ? {} : { address: findings[0].address }),
    details: findings.slice(0, 4).map(({ message }) => message),
  }));
}

function vagueness(kind: ClearingFindingKind): number {
  return kind === 'other-bits-changed' ? 1 : 0;
}

/** The log's addresses are all off by the same distance: the old PTEs show which page a line is really about. */
export function findShift({ mapping, log }: Evidence, index: LogIndex): Finding | undefined {
  if (index.isLogged(0)) return undefined;
  const frames = presentEntries(mapping.lookAfter.entries).map((raw) => raw && raw & PTE_PFN_MASK);
  const [frame] = frames;
  // The zero page is the frame of many.
  if (frame === undefined || frames.lastIndexOf(frame) > 0) return undefined;
  const misnamed = log.records.find(
    ({ oldPte, address }) =>
      oldPte !== undefined && (oldPte & PTE_PFN_MASK) === frame && address !== mapping.address,
  );
  if (misnamed === undefined) return undefined;
  const distance = misnamed.address - mapping.address;
  const text = `${distance < 0n ? '-' : '+'}${hex(distance < 0n ? -distance : distance)}`;
  return {
    kind: 'defect',
    title: `The driver logs wrong addresses, off by ${text}: the line about ${hex(misnamed.address)} holds the PTE of ${hex(mapping.address)}.`,
    details: [`old PTE in that line: ${hex(misnamed.oldPte ?? 0n)}; the frame of page 0 is ${hex(frame)}`],
  };
}

/** The pages of a mapping as the log must have them: as memory held them before it was made and right after. */
export function expectedPages(mapping: DmaMapping): ExpectedPage[] {
  const { entries } = mapping.lookAfter;
  const before = presentEntries(mapping.before);
  const after = presentEntries(entries);
  return Array.from({ length: mapping.pages }, (_, page) => ({
    address: mapping.pageAddress(page),
    before: before[page],
    after: after[page],
    pin: { write: mapping.access.write, resized: mapping.before.level[page] !== entries.level[page] },
  }));
}

/** The raw entries of the pages that are mapped. Not decoded: a big mapping has 65,536. */
function presentEntries(run: PageRun): (bigint | undefined)[] {
  const entries: (bigint | undefined)[] = Array.from(run.low, (low, page) =>
    joinHalves(low, run.high[page] ?? 0),
  );
  for (const page of run.unmapped()) entries[page] = undefined;
  return entries;
}

function overlaps({ address, size }: DmaMapping, start: bigint, pages: number): boolean {
  return start < address + size && start + BigInt(pages) * 4096n > address;
}
