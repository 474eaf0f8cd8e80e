export { all, inOrder } from './composite.js';
export { forCommand } from './for-command.js';
export { forConsole } from './for-console.js';
export { forPort } from './for-port.js';
export { forProbe, type ProbeAnswer } from './for-probe.js';
export { NotReadyError, type NotReadyDetails } from './not-ready-error.js';
export { withOptions, type WaitStrategy } from './strategy.js';
export { waitUntilReady } from './wait-until-ready.js';
