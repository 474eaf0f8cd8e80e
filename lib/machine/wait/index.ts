export { all, inOrder } from './composite.js';
export { forCommand, type CommandOptions } from './for-command.js';
export { forConsole } from './for-console.js';
export { forPort, type PortOptions } from './for-port.js';
export { forProbe, type ProbeAnswer, type ProbeOptions } from './for-probe.js';
export { NotReadyError, type NotReadyDetails, type NotReadyReason } from './not-ready-error.js';
export { withOptions, type WaitContext, type WaitOptions, type WaitStrategy } from './strategy.js';
export { linuxPanic, waitUntilReady, type WaitSubject } from './wait-until-ready.js';
