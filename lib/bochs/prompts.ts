/**
 * Where the debugger's replies end in the byte stream of its stdout. Pure. The prompt is `<bochs:N> `, N counts the commands from 1,
 * so that the text of a reply cannot be taken for the prompt that is awaited.
 */
export class PromptFramer {
  #next = 1;
  #text = '';

  /** What has come since the last prompt. */
  get partial(): string {
    return this.#text;
  }

  /** Takes a chunk in and yields what stood before each prompt that it completes. */
  *push(chunk: string): Generator<string> {
    // A prompt may be split over chunks: it is looked for from a little before the new text on.
    let from = Math.max(0, this.#text.length - prompt(this.#next).length);
    this.#text += chunk;
    for (;;) {
      const end = prompt(this.#next);
      const at = this.#text.indexOf(end, from);
      if (at < 0) return;
      const reply = this.#text.slice(0, at);
      this.#text = this.#text.slice(at + end.length);
      this.#next += 1;
      from = 0;
      yield reply;
    }
  }
}

function prompt(number: number): string {
  return `<bochs:${number}> `;
}
