import type { KernelLogEntry } from './entry.js';
import { printable } from '../../text/index.js';

/** The entry as `dmesg` would print it, control characters made visible; every line of its text with the time stamp. */
export function formatEntry(entry: KernelLogEntry): string {
  const stamp = entry.time === undefined ? '' : `[${entry.time.toFixed(6).padStart(12)}] `;
  const flaw = entry.flaw === undefined ? '' : ` <${entry.flaw}>`;
  return entry.text
    .split('\n')
    .map((line) => `${stamp}${printable(line)}${flaw}`)
    .join('\n');
}
