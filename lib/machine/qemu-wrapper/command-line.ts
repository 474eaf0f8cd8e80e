/** An option of a QEMU command line, or a word that stands by itself (a disk image). */
export interface QemuOption {
  /** Without dashes: QEMU takes one or two. Undefined for a word that is no option. */
  readonly name: string | undefined;
  readonly value: string | undefined;
  /** As it was written. */
  readonly words: readonly string[];
}

/** Options whose next word is their value whatever it looks like: a kernel command line may begin with a dash. */
const takeValue = new Set([
  'accel',
  'append',
  'cpu',
  'device',
  'gdb',
  'kernel',
  'M',
  'machine',
  'monitor',
  'netdev',
]);
/** Options whose next word is never theirs. */
const takeNone = new Set(['enable-kvm', 'nographic', 's', 'S']);

/**
 * The options of a QEMU command line, without the program's name. Of an option that is not known here, the next word is taken for the
 * value if it does not begin with a dash: whatever it is, {@link wordsOf} gives back every word in its place.
 */
export function parseCommandLine(words: readonly string[]): QemuOption[] {
  const options: QemuOption[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const next = words[at + 1];
    const name = /^--?([^-].*)$/s.exec(word)?.[1];
    const hasValue =
      name !== undefined &&
      next !== undefined &&
      (takeValue.has(name) || (!takeNone.has(name) && !next.startsWith('-')));
    if (hasValue) at += 1;
    options.push({
      name,
      value: hasValue ? next : undefined,
      words: hasValue ? [word, next] : [word],
    });
  }
  return options;
}

/** The words of a command line again. */
export function wordsOf(options: readonly QemuOption[]): string[] {
  return options.flatMap(({ words }) => words);
}

/** An option as it is written here: with one dash. */
export function option(name: string, value?: string): QemuOption {
  return { name, value, words: value === undefined ? [`-${name}`] : [`-${name}`, value] };
}
