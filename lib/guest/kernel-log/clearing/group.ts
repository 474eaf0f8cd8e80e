import { hex } from '../../../paging/index.js';
import type { ClearingFinding, PageFinding } from './finding.js';

const PAGE_SIZE = 0x1000n;

/**
 * Joins findings of one kind about neighbouring pages, so that a mapping of 65,536 pages with one fault gives one line, not 65,536.
 * The line holds the first page's detail. Findings that come from the log's losses are joined like the others.
 */
export function groupFindings(findings: readonly PageFinding[]): ClearingFinding[] {
  const runs: { first: PageFinding; pages: number }[] = [];
  const latest = new Map<string, { first: PageFinding; pages: number }>();
  for (const finding of findings) {
    const run = latest.get(finding.kind);
    if (
      run?.first.address !== undefined &&
      run.first.address + BigInt(run.pages) * PAGE_SIZE === finding.address
    ) {
      run.pages += 1;
      continue;
    }
    const started = { first: finding, pages: 1 };
    latest.set(finding.kind, started);
    runs.push(started);
  }
  return runs.map(({ first, pages }) => ({
    kind: first.kind,
    address: first.address,
    pages,
    message: `${describePages(first.address, pages)}: ${first.detail}`,
    proves: first.kind !== 'unknown' && first.kind !== 'unreadable',
  }));
}

function describePages(address: bigint, pages: number): string {
  if (pages === 1) return hex(address);
  return `${hex(address)}-${hex(address + BigInt(pages) * PAGE_SIZE)} (${pages} pages; of the first)`;
}
