import { type QemuOption, parseCommandLine, wordsOf } from '../qemu-command-line/index.js';

/** One thing that was changed, for the artifacts. */
export interface Change {
  /** The words that were taken out, as the launch script wrote them. */
  readonly removed: readonly string[];
  readonly added: readonly string[];
  readonly why: string;
}

/** A command line that is being changed, and what was done to it. */
export class Draft {
  #options: QemuOption[];
  readonly #changes: Change[] = [];

  constructor(words: readonly string[]) {
    this.#options = parseCommandLine(words);
  }

  get words(): string[] {
    return wordsOf(this.#options);
  }

  get options(): readonly QemuOption[] {
    return [...this.#options];
  }

  get changes(): readonly Change[] {
    return this.#changes;
  }

  /** The options of one of these names, in order. */
  all(...names: string[]): QemuOption[] {
    return this.#options.filter(({ name }) => name !== undefined && names.includes(name));
  }

  replace(old: QemuOption, by: QemuOption | readonly QemuOption[] | undefined, why: string): void {
    const added = by === undefined ? [] : ([by].flat() as readonly QemuOption[]);
    const at = this.#options.indexOf(old);
    this.#options.splice(at, 1, ...added);
    this.#changes.push({ removed: old.words, added: wordsOf(added), why });
  }

  add(added: QemuOption, why: string, where: 'first' | 'last' = 'last'): void {
    if (where === 'first') this.#options.unshift(added);
    else this.#options.push(added);
    this.#changes.push({ removed: [], added: added.words, why });
  }
}
