export { SerialProcess } from './serial-process.js';
export { SerialShell, type SerialRunOptions } from './serial-shell.js';
