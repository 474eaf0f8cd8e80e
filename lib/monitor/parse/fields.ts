import { MonitorParseError } from '../errors.js';

/** The lines of a reply, without the empty ones. */
export function contentLines(reply: string): string[] {
  return reply.split(/\r?\n/).filter((line) => line.trim() !== '');
}

/** Hexadecimal digits to a bigint: 1 to 16 of them. */
export function hex(digits: string | undefined, command: string, line: string): bigint {
  if (digits === undefined || !/^[0-9a-f]{1,16}$/i.test(digits)) {
    throw new MonitorParseError(command, 'a hexadecimal number of up to 64 bits was expected', line);
  }
  return BigInt(`0x${digits}`);
}

/** Decimal digits to a small non-negative number. */
export function decimal(digits: string | undefined, command: string, line: string): number {
  if (digits === undefined || !/^\d{1,9}$/.test(digits)) {
    throw new MonitorParseError(command, 'a decimal number was expected', line);
  }
  return Number(digits);
}
