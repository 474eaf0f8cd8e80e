export { BochsMachine, type BochsOptions } from './machine.js';
export { DebuggerError } from './errors.js';
