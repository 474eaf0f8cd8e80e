import type { KernelLogEntry } from './entry.js';

/** `[    1.234567]` with the seconds in a field of five (Linux 6.1, `print_time` in `kernel/printk/printk.c`). */
const STAMP = String.raw`\[( {4}\d| {3}\d{2}| {2}\d{3}| \d{4}|\d{5,10})\.(\d{6})\]`;
/** `<30>` of `dmesg -r`. */
const RAW_LEVEL = String.raw`(?:<(\d{1,4})>)?`;
/** `kern  :info  : ` of util-linux' `dmesg -x`. */
const DECODED_LEVEL = String.raw`(?:([a-z0-9]{2,8}) *:([a-z]{3,6}) *: )?`;
const CALLER = String.raw`(?:\[ *([TC]\d{1,10})\])?`;

const LINE = new RegExp(`^${RAW_LEVEL}${DECODED_LEVEL}${STAMP}${CALLER}(?: (.*))?$`, 's');
const EMBEDDED = new RegExp(`(?:<\\d{1,4}>)?${STAMP}${CALLER} `, 'g');

const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];
const FACILITIES = ['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news'];

/**
 * One line of `dmesg` (plain, `-r` or `-x`) or of a console: `[  123.456789] text`, with or without a level before it.
 * `undefined` when it has no time stamp.
 */
export function parseDmesgLine(line: string): KernelLogEntry | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, priority, facilityName, levelName, seconds = '', microseconds = '', caller, text = ''] = match;
  return {
    text,
    time: Number(seconds) + Number(microseconds) / 1e6,
    level: priority === undefined ? position(LEVELS, levelName) : Number(priority) & 7,
    facility: priority === undefined ? position(FACILITIES, facilityName) : Math.floor(Number(priority) / 8),
    caller,
  };
}

/** Cuts a line inside which a record begins: on a console, another writer's output came first without a line feed. */
export function splitDmesgLine(line: string): string[] {
  // Every line begins with one stamp; a second one needs a second bracket.
  if (!line.includes('[', 1)) return [line];
  const parts: string[] = [];
  let from = 0;
  const prefix = LINE.test(line) ? line.indexOf(']') : -1;
  for (const { index } of line.matchAll(EMBEDDED)) {
    if (index <= prefix || index === 0) continue;
    parts.push(line.slice(from, index));
    from = index;
  }
  parts.push(line.slice(from));
  return parts;
}

function position(names: readonly string[], name: string | undefined): number | undefined {
  const index = name === undefined ? -1 : names.indexOf(name);
  return index < 0 ? undefined : index;
}
