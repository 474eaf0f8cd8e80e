export { keepMachine, type KeepOptions } from './keep.js';
export { type KeptManifest } from './manifest.js';
export { openKept, type OpenedKept } from './open.js';
