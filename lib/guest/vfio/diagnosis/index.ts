export { diagnose } from './diagnose.js';
export type { Evidence, Finding } from './evidence.js';
export { gatherEvidence } from './gather.js';
export { expectedPages } from './log.js';
