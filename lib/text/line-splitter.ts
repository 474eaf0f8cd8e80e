import { TextDecoder } from 'node:util';

/** One line without its end. */
export interface RawLine {
  readonly text: string;
  /** Characters (UTF-16 code units) of it that are not in `text`. */
  readonly dropped: number;
  /** Some were dropped, or the stream ended inside it. */
  readonly truncated: boolean;
}

/**
 * Cuts a stream of chunks into lines. A chunk may end anywhere, inside a UTF-8 sequence too; how the stream was cut never changes
 * the lines. Bytes that are not UTF-8 become U+FFFD. A carriage return before the line feed goes (serial consoles add it).
 */
export class LineSplitter {
  readonly #lineLength: number;
  #decoder = newDecoder();
  #partial = '';
  #dropped = 0;

  /** @param lineLength characters that are kept of one line */
  constructor(lineLength: number) {
    this.#lineLength = lineLength;
  }

  /** The lines that this chunk completed. */
  push(chunk: Uint8Array | string): RawLine[] {
    // A string after bytes ends any byte sequence that was left open.
    const text =
      typeof chunk === 'string'
        ? this.#flushDecoder() + chunk
        : this.#decoder.decode(chunk, { stream: true });
    const lines: RawLine[] = [];
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      this.#append(text, from, end);
      lines.push(this.#take());
      from = end + 1;
    }
    this.#append(text, from, text.length);
    return lines;
  }

  /** The last line when the stream ended without a line feed: at most one, marked `truncated`. */
  end(): RawLine[] {
    this.#append(this.#flushDecoder());
    return this.#partial === '' ? [] : [{ ...this.#take(), truncated: true }];
  }

  /** The line that has begun, such as a prompt; undefined where none has. */
  get partial(): RawLine | undefined {
    return this.#partial === '' ? undefined : this.#line();
  }

  #append(text: string, from = 0, to = text.length): void {
    // One character more than the cap is held, so that a line of exactly the cap and its carriage return is not 'too long'.
    const room = this.#lineLength + 1 - this.#partial.length;
    const end = Math.min(to, from + room);
    this.#partial += text.slice(from, end);
    this.#dropped += to - end;
  }

  #take(): RawLine {
    const line = this.#line();
    this.#partial = '';
    this.#dropped = 0;
    return line;
  }

  #line(): RawLine {
    let text = this.#partial;
    let dropped = this.#dropped;
    if (dropped === 0 && text.endsWith('\r')) text = text.slice(0, -1);
    if (text.length > this.#lineLength) {
      dropped += text.length - this.#lineLength;
      // A slice keeps the whole string alive that it was cut from; of a line that was cut off, only what is kept is charged for.
      text = Buffer.from(text.slice(0, this.#lineLength), 'utf16le').toString('utf16le');
    }
    return { text, dropped, truncated: dropped > 0 };
  }

  #flushDecoder(): string {
    const rest = this.#decoder.decode();
    this.#decoder = newDecoder();
    return rest;
  }
}

function newDecoder(): TextDecoder {
  return new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
}
