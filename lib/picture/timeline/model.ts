/** What a phase is for; it decides its bar's colour: getting a machine, the test's own work, or clearing up. */
export type PhaseKind =
  'launch' | 'boot' | 'restore' | 'ssh' | 'mapping' | 'walk' | 'assertion' | 'teardown' | 'other';

/** A stretch of a test. Times are in ms on one clock, with 0 at the test's start (what a worker did before is negative). */
export interface TimelinePhase {
  name: string;
  kind: PhaseKind;
  start: number;
  /** Absent: it was never finished (what the test hung in). */
  end?: number;
  outcome?: 'passed' | 'failed';
}

/** A line of the console or of the kernel log, on the same clock. */
export interface TimelineEvent {
  at: number;
  /** Names the track that it is drawn on, such as `console` or `kernel log`. */
  source: string;
  text: string;
  severity?: 'info' | 'warning' | 'error';
}

export interface Timeline {
  title: string;
  phases: readonly TimelinePhase[];
  events?: readonly TimelineEvent[];
  /** When this was looked at: phases without an end last until then. Default: the last time that occurs. */
  until?: number;
}
