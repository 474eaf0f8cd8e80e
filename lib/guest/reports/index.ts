export { chooseCause } from './cause.js';
export type { Finding } from './cause.js';
export { detectReports, ReportDetector } from './detector.js';
export { KernelWatch } from './kernel-watch.js';
export type { WatchedReports } from './kernel-watch.js';
export type { Grade, KernelReport, ReportKind } from './report.js';
export { decodeTaint, parseTaint, taintReports } from './taint.js';
export { evaluateReports } from './verdict.js';
export type { Expectations, ReportVerdict } from './verdict.js';
