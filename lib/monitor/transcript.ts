/** One command and what became of it. */
export interface TranscriptEntry {
  /** Wall-clock time at which the command was typed. */
  readonly time: Date;
  readonly command: string;
  /** The reply, shortened to the transcript's bound per entry. */
  readonly reply: string;
  readonly durationMs: number;
  /** Set when no whole reply came: what went wrong instead. */
  readonly failure?: string;
}

/**
 * What was said over a monitor, for the artifacts of a run. Bounded: long replies are shortened, and the oldest entries give
 * way to new ones (how many is said). One transcript may serve several connections, one after the other.
 */
export class Transcript {
  readonly #prompt: string;
  readonly #maxCharacters: number;
  readonly #maxReplyCharacters: number;
  #entries: TranscriptEntry[] = [];
  #characters = 0;
  #dropped = 0;

  constructor({ maxCharacters = 2_000_000, maxReplyCharacters = 4_000, prompt = '(qemu)' } = {}) {
    this.#prompt = prompt;
    this.#maxCharacters = maxCharacters;
    this.#maxReplyCharacters = maxReplyCharacters;
  }

  record(entry: TranscriptEntry): void {
    const reply = shorten(entry.reply, this.#maxReplyCharacters);
    this.#entries.push({ ...entry, reply });
    this.#characters += cost(entry.command, reply);
    if (this.#characters > this.#maxCharacters) this.#dropOldest();
  }

  get entries(): readonly TranscriptEntry[] {
    return this.#entries;
  }

  /** How many entries gave way to newer ones. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The transcript for a reader: one block per command, control codes made visible. */
  toText(): string {
    const head = this.#dropped === 0 ? '' : `[${String(this.#dropped)} older commands left out]\n`;
    return head + this.#entries.map((entry) => block(entry, this.#prompt)).join('');
  }

  /** Down to three quarters in one go, so that a full transcript is not moved at every command. */
  #dropOldest(): void {
    let drop = 0;
    while (this.#characters > this.#maxCharacters * 0.75 && drop < this.#entries.length - 1) {
      const entry = this.#entries[drop];
      if (entry !== undefined) this.#characters -= cost(entry.command, entry.reply);
      drop += 1;
    }
    this.#entries = this.#entries.slice(drop);
    this.#dropped += drop;
  }
}

/** An entry without a reply costs something too: its fields and its line in the text. */
function cost(command: string, reply: string): number {
  return command.length + reply.length + 100;
}

function shorten(text: string, limit: number): string {
  return text.length <= limit
    ? text
    : `${text.slice(0, limit)}\n[… ${String(text.length - limit)} characters more]\n`;
}

function block(entry: TranscriptEntry, prompt: string): string {
  const outcome = entry.failure === undefined ? '' : `  !! ${entry.failure}\n`;

  const reply = entry.reply.replace(
    /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g,
    (code) => `\\x${code.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  const body = reply === '' || reply.endsWith('\n') ? reply : `${reply}\n`;
  return `${entry.time.toISOString()} ${prompt} ${entry.command}  [${entry.durationMs.toFixed(2)} ms]\n${body}${outcome}`;
}
