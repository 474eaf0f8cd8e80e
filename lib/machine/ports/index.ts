export { allocatePorts, NoFreePortsError, type PortLease } from './allocate.js';
export { type PortPattern } from './pattern.js';
