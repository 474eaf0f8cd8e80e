import type { Readable } from 'node:stream';

import { stripControlCodes } from '../../text/index.js';

/** QEMU's own messages are few; what is longer is a flood, of which the end tells most. */
const kept = 64 << 10;

/** The end of what a stream said. Reading it does not consume it: the console reads the same stream. */
export class TextTail {
  #text = '';
  #dropped = false;

  listen(stream: Readable): void {
    stream.on('data', (chunk: Uint8Array) => {
      this.#text += Buffer.from(chunk).toString('latin1');
      if (this.#text.length <= 2 * kept) return;
      this.#text = this.#text.slice(-kept);
      this.#dropped = true;
    });
  }

  /** Without control codes, at most 64 KiB. */
  get text(): string {
    const end = stripControlCodes(Buffer.from(this.#text.slice(-kept), 'latin1').toString('utf8'));
    return this.#dropped ? `[the beginning is left out]\n${end}` : end;
  }

  get lines(): string[] {
    return this.text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  }
}
