import { controls } from './control-codes.js';

/**
 * Untrusted text made safe to show: control characters (terminal escapes, direction overrides, see `controls`) become visible `\xNN`,
 * `\uNNNN` or `\u{N…}`; tabs and line feeds stay.
 */
export function printable(text: string): string {
  return text.replace(controls, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const digits = code.toString(16);
    if (code < 0x100) return `\\x${digits.padStart(2, '0')}`;
    return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`;
  });
}

/** `printable`, on one line and at most `length` characters long. */
export function oneLine(text: string, length = 200): string {
  const line = printable(text).replace(/\s+/g, ' ').trim();
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}
