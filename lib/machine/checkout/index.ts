export { checkoutParts, type Purpose, seamLoader } from './contract.js';
export { CheckoutError, describePart, inspectCheckout, type PartState, requireCheckout } from './inspect.js';
export { monitorRemedy, opensAllInterfaces, opensMonitor } from './launch-script.js';
export { requireSudo, sudoProblem } from './sudo.js';
export { DiskInUseError, lockDisk } from './disk-lock.js';
export { takePlace } from './place.js';
export { openTdxProblem } from './host-tdx.js';
