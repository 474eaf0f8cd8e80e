export { cpuMsOfSession } from './processes.js';
export { describeExit, type ProcessExit } from './exit.js';
export {
  ownerEnvironment,
  ownHelper,
  ownProcess,
  ProcessStartError,
  type OwnedProcess,
  type OwnOptions,
} from './own-process.js';
export { createRunFolder, socketPath, type RunFolder, type RunFolderOptions } from './run-folder.js';
export { ProcessNotEndedError, type StopOptions, type StopReport } from './stop.js';
export { isLiving, sweepLeftovers } from './sweep.js';
