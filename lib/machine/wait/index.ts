export { inOrder } from './composite.js';
export { forConsole } from './for-console.js';
export { forProbe, type ProbeAnswer } from './for-probe.js';
export { NotReadyError, type NotReadyDetails } from './not-ready-error.js';
export type { WaitStrategy } from './strategy.js';
export { waitUntilReady } from './wait-until-ready.js';
