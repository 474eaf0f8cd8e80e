/** How a machine's start went: its stages, whether it gets on, and, if it fails, the story with a verdict in one line. */
export { BootFailure } from './boot-failure.js';
export { BootRecord, launcherStarted, programAlive, restored } from './boot-record.js';
export { diagnose, type Whereabouts } from './diagnose.js';
export { unlessStalled } from './stall-watch.js';
export { TextTail } from './text-tail.js';
