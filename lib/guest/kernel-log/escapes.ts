const ESCAPE = /(?:\\x[0-9a-f]{2})+/g;

/**
 * Undoes the escapes of /dev/kmsg: every byte below 0x20, from 0x7f up, and the backslash is written as `\xNN`
 * (Linux 6.1, `msg_add_ext_text` in `kernel/printk/printk.c`). A run of escaped bytes is UTF-8; what is not becomes U+FFFD.
 * A backslash that begins no such escape stays as it is.
 */
export function unescapeKmsg(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(ESCAPE, (run) => Buffer.from(run.replaceAll('\\x', ''), 'hex').toString('utf8'));
}
