import { hex } from '../../../paging/index.js';
import { describeChange } from '../../kernel-log/index.js';
import type { DmaMapping } from '../mapping.js';
import { whichPages } from '../page-list.js';
import { deviceFindings } from './device.js';
import type { Evidence, Finding } from './evidence.js';
import { findShift, logFindings, LogIndex } from './log.js';
import { neighbourFindings } from './neighbours.js';
import { sortPages } from './page-states.js';

/**
 * What is wrong with a mapping whose pages must be out of user mode's reach, named as the defect of the driver that it is: memory
 * before and after, the log, the IOMMU's tables and the rest of the address space are held against each other. Empty when all
 * is well. The gravest comes first.
 */
export function diagnose(evidence: Evidence): Finding[] {
  const { mapping, after, log } = evidence;
  const index = new LogIndex(evidence);
  const states = sortPages(
    evidence,
    (page) => index.isLogged(page),
    (page) => index.isSkipped(page),
  );
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
  const raw = (page: number): string => hex(after.at(page)?.raw ?? 0n);
  const rawBefore = (page: number): string => hex(mapping.before.at(page)?.raw ?? 0n);

  for (const pages of states.altered) {
    const page = pages[0] ?? 0;
    const was = mapping.before.at(page)?.raw ?? 0n;
    const is = after.at(page)?.raw ?? 0n;
    const left = (is & 5n) === 5n && (was & 4n) !== 0n ? '; _PAGE_USER (bit 2) stays set' : '';
    add(
      pages,
      `The driver changes the wrong bits of %s: ${describeChange(was, is)}${left}. Only _PAGE_USER may go.`,
      () => `PTE ${hex(was)} before, ${hex(is)} now`,
    );
  }
  add(
    states.claimed,
    'The driver logs %s as cleared but does not clear, or sets the bit again: _PAGE_USER (bit 2) is set in memory.',
    (page) => `the log says 'Successfully cleared', the PTE is ${raw(page)}`,
  );
  const how = earlierWasDone(evidence)
    ? ' The mapping made before it in the same process was done: only the first mapping is.'
    : '';
  add(
    states.forgotten,
    `The driver forgets %s: _PAGE_USER (bit 2) is still set in memory and the log says nothing.${how}`,
    (page) => `the PTE is ${raw(page)}, as before; no line in the log`,
  );
  if (shift !== undefined) findings.push(shift);
  else {
    add(
      index.hasLoss ? [] : states.silent,
      'The driver clears %s without logging: _PAGE_USER (bit 2) is clear in memory, and the log has no pair of lines.',
      (page) => `PTE ${rawBefore(page)} before, ${raw(page)} now; not in the log`,
    );
  }
  findings.push(...neighbourFindings(evidence));
  if (shift === undefined) findings.push(...logFindings(evidence, states));
  findings.push(...deviceFindings(evidence));
  findings.push(...skippedFindings(evidence, states.skipped, log));
  return findings;
}

/** What the kernel said itself that it left alone. */
function skippedFindings(
  { mapping }: Evidence,
  pages: readonly number[],
  { notCleared }: Evidence['log'],
): Finding[] {
  const [first] = pages;
  if (first === undefined) return [];
  const address = mapping.pageAddress(first);
  const said = notCleared.find(({ start, end }) => address >= start && address < end);
  const title = `The driver leaves ${whichPages(pages, mapping.pages)} to user mode, and its log says so: ${said?.reason ?? 'unknown reason'}.`;
  const end = mapping.address + mapping.size;
  const details = notCleared
    .filter((range) => range.start < end && range.end > mapping.address)
    .slice(0, 8)
    .map(
      ({ start, end, reason, entry }) =>
        `not cleared, says the log: ${hex(start)}-${hex(end)} (${reason}${entry === undefined ? '' : `, entry ${hex(entry)}`})`,
    );
  return [{ kind: 'not-cleared-but-said', title, address, details }];
}

/** Whether all of the mapping that its process made before this one is closed to user mode, as the evidence's changes show. */
function earlierWasDone({ mapping, made }: Evidence): boolean {
  const own = made.filter(({ process }) => process === mapping.process);
  const earlier: DmaMapping | undefined = own[own.indexOf(mapping) - 1];
  // What this mapping's own "before" picture shows of the earlier one.
  const seen = earlier === undefined ? undefined : mapping.spaceBefore.find(earlier.address);
  return seen?.leafRights.user === false;
}
