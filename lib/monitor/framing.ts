import { MonitorReplyTooLargeError } from './errors.js';

/**
 * Where one reply ends and the next begins, in the byte stream of a monitor. Pure: text in, replies out.
 *
 * The monitor echoes what is typed through its line editor, redrawing the whole line at each key with cursor movements, and
 * prints `(qemu) ` when it is ready, a string that a reply may contain as well. So after each command the client types a
 * **mark**, one letter that is rubbed out at once: the monitor can echo it only after it has finished the command and shown
 * its prompt, and the editing codes of that echo occur in no reply. A letter drawn anew per command ties each echo to its own.
 *
 * (QEMU util/readline.c, readline_update(): cursor left × old length, the line, ESC [ K. Unchanged from 1.0 to 10.)
 */
const ERASE_TO_END = '\x1b[K';
const CURSOR_LEFT = '\x1b[D';
const RUB_OUT = '\x7f';

/** What to type for a command and its mark. Characters are bytes (latin1). */
export function typed(command: string, mark: string): string {
  return `${command}\n${mark}${RUB_OUT}`;
}

/** What the monitor shows after the reply to a command that is followed by `mark`. */
export function replyEnd(mark: string): string {
  return `(qemu) ${mark}${ERASE_TO_END}${CURSOR_LEFT}${ERASE_TO_END}`;
}

interface Expected {
  readonly command: string;
  readonly mark: string;
  readonly maxBytes: number;
}

export class ReplyFramer {
  readonly #expected: Expected[] = [];
  #phase: 'echo' | 'reply' = 'echo';
  /** The current phase's text so far; kept in pieces, since joining at each chunk would cost quadratic time. */
  #pieces: string[] = [];
  #length = 0;
  /** The last characters seen, one fewer than the awaited string has: it may be split over chunks. */
  #tail = '';

  /** Announces a command that is being typed: its reply comes after those announced before. */
  expect(command: string, mark: string, maxBytes: number): void {
    this.#expected.push({ command, mark, maxBytes });
  }

  /** True while a reply is outstanding. */
  get pending(): boolean {
    return this.#expected.length > 0;
  }

  /** The beginning of what has come for the current reply, for an error message. */
  get partial(): string {
    return this.#pieces.join('').slice(0, 2048);
  }

  /**
   * Takes a chunk in and yields the replies that it completes. What comes while nothing is awaited is yielded as `unsolicited`.
   *
   * @throws MonitorReplyTooLargeError
   */
  *push(chunk: string): Generator<{ kind: 'reply' | 'unsolicited'; text: string }> {
    let rest = chunk;
    while (rest !== '') {
      const current = this.#expected[0];
      if (current === undefined) {
        yield { kind: 'unsolicited', text: rest };
        return;
      }
      const awaited =
        this.#phase === 'echo' ? `${current.command}${ERASE_TO_END}\r\n` : replyEnd(current.mark);
      const window = this.#tail + rest;
      const at = window.indexOf(awaited);
      if (at < 0) {
        this.#keep(rest, window.slice(-(awaited.length - 1)), current);
        return;
      }
      const consumed = at + awaited.length - this.#tail.length;
      this.#keep(rest.slice(0, consumed), '', current);
      rest = rest.slice(consumed);
      const text = this.#takePhase(awaited.length);
      if (this.#phase === 'echo') {
        this.#phase = 'reply';
      } else {
        this.#phase = 'echo';
        this.#expected.shift();
        yield { kind: 'reply', text };
      }
    }
  }

  #keep(piece: string, tail: string, current: Expected): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    this.#tail = tail;
    // The echo of n keys is about 2n² bytes; it counts apart from the reply's own bound.
    const bound = this.#phase === 'reply' ? current.maxBytes + 64 : 4 * current.command.length ** 2 + 65_536;
    if (this.#length > bound) {
      throw new MonitorReplyTooLargeError(
        `The monitor's ${this.#phase} for "${current.command}" passed its bound of ${String(bound)} bytes. ` +
          'Ask for less at a time, or raise maxReplyBytes.',
      );
    }
  }

  #takePhase(endLength: number): string {
    const text = this.#pieces.join('').slice(0, -endLength);
    this.#pieces = [];
    this.#length = 0;
    return text;
  }
}
