/** How a machine's start went: its stages, whether it gets on, and, if it fails, the story with a verdict in one line. */
export { BootFailure } from './boot-failure.js';
export type { BootFacts, CpuPlace, Known } from './boot-facts.js';
export { BootRecord, type BootStage, launcherStarted, qemuAlive, restored } from './boot-record.js';
export { diagnose, type FailedLaunch, type Whereabouts } from './diagnose.js';
export { defaultStallMs, unlessStalled } from './stall-watch.js';
export { StalledError, type Stall } from './stalled-error.js';
export { TextTail } from './text-tail.js';
