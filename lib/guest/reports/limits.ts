/** Caps on what an untrusted guest can make the detector hold. */
export interface ReportLimits {
  /** Lines kept of one report. A whole oops has about 80; a lockdep report up to several hundred. */
  readonly lines: number;
  /** Characters kept of one report. */
  readonly characters: number;
  /** Characters of all reports that are kept; of those beyond it, one for each kind and grade is kept and says how many there were. */
  readonly total: number;
}

export const DEFAULT_REPORT_LIMITS: ReportLimits = {
  lines: 600,
  characters: 64 * 1024,
  total: 16 * 1024 * 1024,
};

/** Counted for a report beside its characters. */
export const REPORT_OVERHEAD = 512;

/** Reports that can be open at once: one CPU's report begins inside another's. */
export const MAX_OPEN = 4;

/** Lines of a report without one that looks like a trace, after which the rest of it is given up. */
export const PATIENCE = 40;

/** Seconds without a line that looks like a trace, after which likewise. A slow serial console takes tenths for a line. */
export const PATIENCE_SECONDS = 10;
