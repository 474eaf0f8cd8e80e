export { KernelLog } from './kernel-log.js';
export type { KernelLogOptions, WaitOptions } from './kernel-log.js';
export type { KernelLogEnd } from './awaiter.js';
export type { Mark } from './mark.js';
export { KernelLogParser, OVERRUN_MARKER, parseKernelLog } from './parser.js';
export type { KernelLogFormat, ParserOptions } from './parser.js';
export { describeLoss, hasLoss, lossAmong } from './entry.js';
export type { EntryFlaw, KernelLogEntry, LossTotal, LostRecords } from './entry.js';
export { formatEntries, formatEntry } from './format-entry.js';
export { oneLine, printable } from './printable.js';
export type { EntryPattern } from './pattern.js';
export {
  KernelLogAbortedError,
  KernelLogEndedError,
  KernelLogError,
  KernelLogTimeoutError,
} from './errors.js';
export { DEFAULT_LIMITS } from './limits.js';
export type { KernelLogLimits } from './limits.js';
export { checkClearing } from './clearing/check.js';
export { pagesFrom } from './clearing/expected-page.js';
export type { ExpectedPage } from './clearing/expected-page.js';
export type { ClearingFinding, ClearingFindingKind } from './clearing/finding.js';
export { parseClearingLine } from './clearing/line.js';
export type { ClearingLine, UnclearedRange } from './clearing/line.js';
export { describeChange } from './clearing/pte-change.js';
export { RangeIndex } from './clearing/range-index.js';
export { pairClearings } from './clearing/pair.js';
export type { ClearingLog, ClearingRecord } from './clearing/pair.js';
