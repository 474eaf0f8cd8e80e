import type { KernelChange } from '../../../change/index.js';
import type { PageRun, Scan, ScanDiff, Walk, X86Entry } from '../../../paging/index.js';
import type { ClearingLog } from '../../kernel-log/index.js';
import type { DmaTables } from '../dma-tables.js';
import type { DmaMapping } from '../mapping.js';
import type { VfioProcess } from '../process.js';

/** All that is known about a mapping, from sources that do not know of each other. */
export interface Evidence {
  readonly mapping: DmaMapping;
  /** What the kernel is held against. */
  readonly change: KernelChange;
  /** Its pages' entries as memory holds them now. */
  readonly after: PageRun<X86Entry>;
  /** What changed in the user half of its process's address space while it was made. */
  readonly changes: ScanDiff;
  /** What changed there since, by whomever. */
  readonly changesSince: ScanDiff;
  /** What changed in the user half of other processes of the test while it was made. */
  readonly othersChanges: ReadonlyMap<VfioProcess, ScanDiff>;
  /** The kernel half of its process's address space now; undefined where reading it takes long. */
  readonly kernelHalf: Scan<X86Entry> | undefined;
  /** The way to its first page. */
  readonly walk: Walk<X86Entry>;
  /** What the kernel logged, of all mappings. */
  readonly log: ClearingLog;
  /** The IOMMU's tables for its device addresses. */
  readonly device: DmaTables;
  /** Every mapping that was made in this guest, this one included, in order. */
  readonly made: readonly DmaMapping[];
}

/** Something about a mapping that is not as it must be. */
export interface Finding {
  /** `not-cleared-but-said`: the kernel left pages as they were and its log says so. All others are defects of the driver's. */
  readonly kind: 'defect' | 'unknown' | 'not-cleared-but-said';
  /** What the driver does wrong, and on which pages. One line. */
  readonly title: string;
  /** Where in the process's address space it shows, if it shows at one place: of several pages, the first. */
  readonly address?: bigint;
  /** What was seen that says so. */
  readonly details: readonly string[];
}
