import { InfrastructureError } from '../errors.js';

/** Something went wrong between this process and QEMU's monitor. */
export class MonitorError extends InfrastructureError {
  override readonly name: string = 'MonitorError';
}

/** The connection could not be made at all: nothing listens there, or the socket file is missing. */
export class MonitorConnectError extends MonitorError {
  override readonly name = 'MonitorConnectError';
  /** The system's error code, for example `ECONNREFUSED`. */
  readonly code: string;

  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Something accepted the connection, but what it said (or did not say) is not the greeting of a QEMU monitor. */
export class MonitorGreetingError extends MonitorError {
  override readonly name: string = 'MonitorGreetingError';
}

/** The monitor serves another client: QEMU takes one at a time and leaves further connections waiting, without a word. */
export class MonitorBusyError extends MonitorGreetingError {
  override readonly name = 'MonitorBusyError';
}

/** A command's deadline passed. The client is closed then: where the late reply would end cannot be known in time. */
export class MonitorTimeoutError extends MonitorError {
  override readonly name = 'MonitorTimeoutError';
  readonly command: string;
  readonly timeoutMs: number;

  constructor(message: string, command: string, timeoutMs: number) {
    super(message);
    this.command = command;
    this.timeoutMs = timeoutMs;
  }
}

/** The connection is gone. `byPeer`: it was QEMU's side that ended it (it exited, crashed or was told to quit). */
export class MonitorClosedError extends MonitorError {
  override readonly name = 'MonitorClosedError';
  readonly byPeer: boolean;

  constructor(message: string, byPeer: boolean, options?: ErrorOptions) {
    super(message, options);
    this.byPeer = byPeer;
  }
}

/** A reply grew beyond the bound set for it. The client is closed then. */
export class MonitorReplyTooLargeError extends MonitorError {
  override readonly name = 'MonitorReplyTooLargeError';
}

/** The command is refused before it is sent: empty, too long, or with a character that the monitor's line editor acts on. */
export class MonitorInputError extends MonitorError {
  override readonly name = 'MonitorInputError';
}

/** QEMU understood the connection but not, or not willingly, the command: `reply` is what it said. */
export class MonitorCommandError extends MonitorError {
  override readonly name = 'MonitorCommandError';
  readonly command: string;
  readonly reply: string;

  constructor(command: string, reply: string, hint = '') {
    super(`The monitor refused "${command}": ${excerpt(reply)}${hint === '' ? '' : `. ${hint}`}`);
    this.command = command;
    this.reply = reply;
  }
}

/** A reply's text is not what the command is known to print. `text` is the part that could not be understood. */
export class MonitorParseError extends MonitorError {
  override readonly name = 'MonitorParseError';
  readonly command: string;
  readonly text: string;

  constructor(command: string, problem: string, text: string) {
    super(`The reply to "${command}" could not be understood: ${problem}; seen: ${excerpt(text)}`);
    this.command = command;
    this.text = text.slice(0, 4096);
  }
}

/**
 * `x` or `xp` met memory that cannot be read. `address` is that of the dump line which failed: QEMU reads a line of up to
 * 16 bytes at once, so the first unreadable byte is one of the 16 from there.
 */
export class MonitorMemoryError extends MonitorError {
  override readonly name = 'MonitorMemoryError';
  readonly address: bigint;

  constructor(command: string, address: bigint) {
    super(`The monitor cannot access memory at 0x${address.toString(16)} (asked with "${command}")`);
    this.address = address;
  }
}

/** The beginning of a text that may be long or hold control codes, quoted for a message. */
export function excerpt(text: string, limit = 160): string {
  const shown = JSON.stringify(text.slice(0, limit));
  return text.length > limit ? `${shown} … (${String(text.length)} characters)` : shown;
}
