import { stripControlCodes } from './control-codes.js';

/** In UTF-16 code units, before control codes are taken out. A kernel's line is at most about 1,000 long. */
const longestLine = 4_096;

/** Cuts one stream of bytes into lines of text. Its memory is bounded whatever comes. */
export class LineSplitter {
  // Not fatal: bytes that are no UTF-8 become U+FFFD. It keeps a character that is cut in two by a chunk's end.
  readonly #decoder = new TextDecoder('utf-8');
  #kept = '';
  #dropped = 0;

  /** The lines that `chunk` completes. */
  push(chunk: Uint8Array): string[] {
    return this.#split(this.#decoder.decode(chunk, { stream: true }));
  }

  /** The last line, if it did not end in a newline. To be called once, at the stream's end. */
  end(): string[] {
    const lines = this.#split(this.#decoder.decode());
    if (this.partial !== '') lines.push(this.#take());
    return lines;
  }

  /** The line that has begun, such as a prompt. */
  get partial(): string {
    return this.#shown();
  }

  #split(text: string): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      this.#append(text, start, end);
      lines.push(this.#take());
      start = end + 1;
    }
    this.#append(text, start, text.length);
    return lines;
  }

  #append(text: string, start: number, end: number): void {
    const room = Math.max(0, longestLine - this.#kept.length);
    this.#kept += text.slice(start, Math.min(end, start + room));
    this.#dropped += Math.max(0, end - start - room);
  }

  #take(): string {
    const line = this.#shown();
    this.#kept = '';
    this.#dropped = 0;
    return line;
  }

  #shown(): string {
    const text = stripControlCodes(this.#kept);
    return this.#dropped === 0 ? text : `${text} [${this.#dropped} more characters]`;
  }
}
