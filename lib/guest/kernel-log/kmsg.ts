import type { KernelLogEntry } from './entry.js';
import { unescapeKmsg } from './escapes.js';

/** `priority,sequence,microseconds,flag[,key=value…];` — further fields are to be ignored (Documentation/ABI/testing/dev-kmsg). */
const HEADER = /^(\d{1,10}),(\d{1,16}),(\d{1,16}),([^,;]{0,8})(?:,([^;]{0,256}))?;/;
const EMBEDDED_HEADER = /\d{1,4},(\d{1,16}),\d{1,16},[-c](?:,caller=[TC]\d+)?;/g;

/** One record line of /dev/kmsg; `undefined` when it has no header. */
export function parseKmsgLine(line: string): KernelLogEntry | undefined {
  const match = HEADER.exec(line);
  if (match === null) return undefined;
  const [header, priority = '', seq = '', microseconds = '', flags = '', extra] = match;
  return {
    text: unescapeKmsg(line.slice(header.length)),
    time: Number(microseconds) / 1e6,
    level: Number(priority) & 7,
    facility: Math.floor(Number(priority) / 8),
    seq: Number(seq),
    caller: extra === undefined ? undefined : /(?:^|,)caller=([TC]\d+)/.exec(extra)?.[1],
    fragment: flags.includes('c') ? true : undefined,
  };
}

/** A dictionary line ` KEY=value`, which belongs to the record before it; `undefined` when the line is none. */
export function parseKmsgProperty(line: string): readonly [key: string, value: string] | undefined {
  const match = /^ ([A-Za-z0-9_]{1,64})=/.exec(line);
  return match?.[1] === undefined ? undefined : [match[1], unescapeKmsg(line.slice(match[0].length))];
}

/**
 * Cuts a line inside which further records begin (the line feed between them was lost). Only the sequence number that must come
 * next counts as a beginning: text that merely looks like a header stays text.
 *
 * @param expected sequence number expected at the start of this line, where that is known
 */
export function splitKmsgLine(line: string, expected?: number): string[] {
  const own = sequenceOf(line);
  // An honest line has its only semicolon, as a rule, at the end of its header.
  if (own !== undefined && line.indexOf(';') === line.lastIndexOf(';')) return [line];
  let awaited = own === undefined ? expected : own + 1;
  const parts: string[] = [];
  let from = 0;
  for (const match of line.matchAll(EMBEDDED_HEADER)) {
    if (match.index === 0 || Number(match[1]) !== awaited) continue;
    parts.push(line.slice(from, match.index));
    from = match.index;
    awaited += 1;
  }
  parts.push(line.slice(from));
  return parts;
}

function sequenceOf(line: string): number | undefined {
  const seq = HEADER.exec(line)?.[2];
  return seq === undefined ? undefined : Number(seq);
}
