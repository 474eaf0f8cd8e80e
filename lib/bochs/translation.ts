import { DebuggerError } from './errors.js';

export function translationCommand(linear: bigint): string {
  return `page 0x${linear.toString(16)}`;
}

/**
 * The physical address in the reply to {@link translationCommand}; undefined for an address that leads nowhere.
 *
 * @throws DebuggerError the reply is neither
 */
export function parseTranslation(reply: string, linear: bigint): bigint | undefined {
  const page = `0x${(linear & ~0xfffn).toString(16).padStart(16, '0')}`;
  const frame = new RegExp(`^linear page ${page} maps to physical page (0x[0-9a-f]+)\\s*$`, 'm').exec(
    reply,
  )?.[1];
  if (frame !== undefined) return BigInt(frame) | (linear & 0xfffn);
  if (new RegExp(`^physical address not available for linear ${page}\\s*$`, 'm').test(reply))
    return undefined;
  throw new DebuggerError(
    `Bochs does not say what the linear address 0x${linear.toString(16)} translates to: ${JSON.stringify(reply.slice(-300))}`,
  );
}
