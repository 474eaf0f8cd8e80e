import { excerpt, MonitorInputError } from './errors.js';

/** Readline's buffer holds 4095 bytes; it drops what is beyond without a word (QEMU 7.2, include/qemu/readline.h). */
const MAX_COMMAND_BYTES = 4000;

/**
 * A command as the bytes to type, one character per byte (latin1).
 *
 * @throws MonitorInputError for an empty or overlong command, and for bytes that readline takes for editing keys: control
 *   codes, DEL, and 0x9b (CSI), which also occurs inside some UTF-8 letters.
 */
export function encodeCommand(command: string): string {
  const typed = Buffer.from(command, 'utf8').toString('latin1');
  if (typed.trim() === '')
    throw new MonitorInputError("An empty monitor command was given. Give one such as 'info status'.");
  if (typed.length > MAX_COMMAND_BYTES) {
    throw new MonitorInputError(
      `A monitor command may have ${String(MAX_COMMAND_BYTES)} bytes, this has ${String(typed.length)}: ${excerpt(command)}. Make it shorter.`,
    );
  }

  const key = /[\x00-\x1f\x7f\x9b]/.exec(typed);
  if (key !== null) {
    throw new MonitorInputError(
      `The monitor's line editor would act on byte 0x${key[0].charCodeAt(0).toString(16).padStart(2, '0')} in ${excerpt(command)}. Leave it out.`,
    );
  }
  return typed;
}

/** Text as one argument of a command (a path, a URI), in the quotes that HMP's `get_str()` understands. */
export function quoteArgument(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** An address as the monitor's expressions take it. @throws RangeError it has more than 64 bits */
export function hexOf(address: bigint): string {
  if (address < 0n || address >= 1n << 64n) throw new RangeError(`Not a 64-bit address: ${String(address)}`);
  return `0x${address.toString(16)}`;
}
