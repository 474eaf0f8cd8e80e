export { BochsMachine } from './machine.js';
export { DebuggerError } from './errors.js';
export { missingParts } from './missing-parts.js';
