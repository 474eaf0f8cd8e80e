import type { ScanDiff } from '../../paging/diff/result.js';

/** What became of an address space between two scans. */
export interface DiffDiagram {
  title: string;
  subtitle?: string;
  diff: ScanDiff;
}
