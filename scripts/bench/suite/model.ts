/** A step of a test, its times in ms since 1970. */
export interface Step {
  readonly title: string;
  readonly category: string;
  readonly start: number;
  /** ms; of a step that never ended 0. */
  readonly ms: number;
  readonly steps: readonly Step[];
}

/** How a machine of a test's came to be: its start, and the stages that it reached, in ms after that. */
export interface MachineStart {
  readonly beganAt: number;
  readonly stages: readonly { readonly name: string; readonly atMs: number }[];
}

/** What is known of a test that was run. */
export interface RanTest {
  readonly project: string;
  readonly title: string;
  /** Workers follow each other in a slot: one that had a failure is replaced. */
  readonly slot: number;
  readonly worker: number;
  /** ms since 1970 */
  readonly start: number;
  readonly ms: number;
  readonly steps: readonly Step[];
  readonly machines: readonly MachineStart[];
}

/** A run of Playwright's; its times in ms since 1970. */
export interface SuiteRun {
  /** Playwright's process was started, its first test was about to be given out, its last one was over, the process ended. */
  readonly started: number;
  readonly began: number;
  readonly ended: number;
  readonly exited: number;
  /** CPU time of all that ran, QEMUs and compilers included, in ms. */
  readonly cpuMs: number;
  readonly workers: number;
  readonly tests: readonly RanTest[];
}
