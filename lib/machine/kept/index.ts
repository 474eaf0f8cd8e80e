export { keepMachine } from './keep.js';
export { openKept } from './open.js';
