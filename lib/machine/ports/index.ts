export { allocatePorts, NoFreePortsError, type PortLease } from './allocate.js';
export { portPattern, type PortPattern } from './pattern.js';
