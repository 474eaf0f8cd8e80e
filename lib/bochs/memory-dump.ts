import { DebuggerError } from './errors.js';

/** The most that one command reads: its reply is five times as long. */
export const maxDumpBytes = 64 << 10;

/** The command that reads `words` units of four bytes. Units of eight print only half of a value whose upper half is 0 (Bochs 2.7). */
export function dumpCommand(address: bigint, words: number): string {
  return `xp /${words}wx 0x${address.toString(16)}`;
}

/**
 * The bytes of a reply to {@link dumpCommand}: lines `0xADDRESS <bogus+ OFFSET>:` and up to four values.
 *
 * @throws DebuggerError for anything else, or other than `words` values
 */
export function parseDump(reply: string, address: bigint, words: number): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(words * 4));
  let at = 0;
  for (const [, start = '', values = ''] of reply.matchAll(
    /^(0x[0-9a-f]+) <[^>]*>:((?:\s0x[0-9a-f]{8})+)\s*$/gm,
  )) {
    if (BigInt(start) !== address + BigInt(at)) break;
    for (const value of values.trim().split(/\s+/)) {
      if (at === bytes.byteLength) break;
      bytes.setUint32(at, Number(value), true);
      at += 4;
    }
  }
  if (at !== bytes.byteLength) {
    throw new DebuggerError(
      `Bochs answered "${dumpCommand(address, words)}" with ${at} of ${bytes.byteLength} bytes: ${JSON.stringify(reply.slice(0, 300))}`,
    );
  }
  return new Uint8Array(bytes.buffer);
}
