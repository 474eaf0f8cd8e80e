export { SerialShell } from './serial-shell.js';
