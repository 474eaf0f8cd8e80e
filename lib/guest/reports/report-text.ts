import { printable } from '../../text/index.js';
import type { ReportLimits } from './limits.js';

/**
 * A report's lines, bounded. A line that may belong to another writer is held back until a line of the report follows it, so that
 * a report whose end is never seen does not end in what was printed after it.
 */
export class ReportText {
  readonly #limits: ReportLimits;
  readonly #lines: string[] = [];
  #doubtful: string[] = [];
  #characters = 0;
  #truncated = false;

  constructor(limits: ReportLimits) {
    this.#limits = limits;
  }

  /** A line of the report; those held back before it were in the midst of it. */
  add(line: string): void {
    for (const held of this.#doubtful) this.#keep(held);
    this.#doubtful = [];
    this.#keep(line);
  }

  /** A line that may be another's. */
  addDoubtful(line: string): void {
    this.#doubtful.push(line);
  }

  /** Whether lines of the report are missing because it was too long. */
  get truncated(): boolean {
    return this.#truncated;
  }

  toString(): string {
    return this.#lines.join('\n');
  }

  #keep(line: string): void {
    const text = printable(line);
    const full =
      this.#lines.length >= this.#limits.lines || this.#characters + text.length > this.#limits.characters;
    this.#truncated ||= full;
    if (full) return;
    this.#lines.push(text);
    this.#characters += text.length + 1;
  }
}
