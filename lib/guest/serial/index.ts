export { GuestPausedError } from './errors.js';
export { SerialShell } from './serial-shell.js';
