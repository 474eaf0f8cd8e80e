import { partsOf, property } from './properties.js';

/** An option of a QEMU command line, or a word that stands by itself (a disk image). */
export interface QemuOption {
  /** Without dashes: QEMU takes one or two. Undefined for a word that is no option. */
  readonly name: string | undefined;
  readonly value: string | undefined;
  /** As it was written. */
  readonly words: readonly string[];
}

/** Options that take no value (QEMU 5.2 to 11, qemu-options.hx: those without HAS_ARG). All others take the next word, whatever it looks like. */
const takeNone = new Set(
  (
    'h help version enable-kvm no-user-config nodefaults nographic S s no-reboot no-shutdown snapshot daemonize preconfig singlestep ' +
    'one-insn-per-tb mem-prealloc win2k-hack no-fd-bootchk no-acpi no-hpet only-migratable full-screen alt-grab ctrl-grab no-quit ' +
    'no-frame sdl curses usb portrait semihosting old-param async-teardown xen-attach xen-domid-restrict perfmap jitdump ' +
    'enable-sync-profile enable-fips no-kvm'
  ).split(' '),
);

/** The options of a QEMU command line, without the program's name. {@link wordsOf} gives back every word in its place. */
export function parseCommandLine(words: readonly string[]): QemuOption[] {
  const options: QemuOption[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const next = words[at + 1];
    const name = /^--?([^-].*)$/s.exec(word)?.[1];
    const hasValue = name !== undefined && next !== undefined && !takeNone.has(name);
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

/**
 * The option that `-set GROUP.ID.NAME=VALUE` is about, and what becomes of it (QEMU 5.2 to 11, qemu_set_option); undefined for another
 * option, or where there is none of that id, which QEMU refuses.
 */
export function settledBy(
  set: QemuOption,
  options: readonly QemuOption[],
): { readonly target: QemuOption; readonly settled: QemuOption } | undefined {
  if (set.name !== 'set') return undefined;
  const [, group, id, key, value = ''] = /^([^.]+)\.([^.]+)\.([^=]+)=(.*)$/s.exec(set.value ?? '') ?? [];
  const target = options.find(
    (each) => each.name === group && property(partsOf(each.value ?? ''), 'id') === id,
  );
  if (!target || group === undefined || key === undefined) return undefined;
  return { target, settled: option(group, `${target.value ?? ''},${key}=${value.replaceAll(',', ',,')}`) };
}

/** The options as QEMU has them in the end: each with what every -set says of it. */
export function withSets(options: readonly QemuOption[]): readonly QemuOption[] {
  return options.reduce((so, set) => {
    const found = settledBy(set, so);
    return found
      ? so.flatMap((each) => (each === set ? [] : each === found.target ? found.settled : each))
      : so;
  }, options);
}
