import { MonitorParseError } from '../errors.js';
import { hex } from './fields.js';

/**
 * Parses `gva2gpa`: the guest-physical address, or undefined for `Unmapped`. Address 0 comes as `0`, all others with `0x` (QEMU
 * prints it with `%#`).
 *
 * @throws MonitorParseError
 */
export function parseGva2gpa(reply: string): bigint | undefined {
  const text = reply.trim();
  if (text === 'Unmapped') return undefined;
  const [, digits, zero] = /^gpa: (?:0x([0-9a-f]+)|(0))$/.exec(text) ?? [];
  return hex(digits ?? zero, 'gva2gpa', reply);
}

/** What `gpa2hva` says of one byte of guest-physical address space. */
export type HostAddress =
  | { readonly kind: 'ram'; readonly hostAddress: bigint; readonly region: string }
  | { readonly kind: 'not-ram' }
  | { readonly kind: 'unmapped' };

/** Parses `gpa2hva`. It speaks of one byte only: the next may lie elsewhere. @throws MonitorParseError */
export function parseGpa2hva(reply: string): HostAddress {
  const text = reply.trim();
  const found = /^Host virtual address for 0x[0-9a-f]+ \((.*)\) is 0x([0-9a-f]+)$/.exec(text);
  if (found?.[1] !== undefined) {
    return { kind: 'ram', region: found[1], hostAddress: hex(found[2], 'gpa2hva', reply) };
  }
  if (/^Memory at address 0x[0-9a-f]+ is not RAM$/.test(text)) return { kind: 'not-ram' };
  if (/^No memory is mapped at address 0x[0-9a-f]+$/.test(text)) return { kind: 'unmapped' };
  throw new MonitorParseError('gpa2hva', 'not an answer about an address', reply);
}
