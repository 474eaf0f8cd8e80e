import {
  isOnLoopback,
  listenersOf,
  option,
  parseCommandLine,
  type QemuOption,
  reachableMonitors,
} from '../qemu-command-line/index.js';
import { expansionEnd, plain, type ShellCommand, shellCommands, type ShellWord } from './shell-commands.js';

/** What the text of a launch script says of what it starts. A script is never run for a look: such scripts call sudo and unbind devices. */
export type Sighting = 'seen' | 'not seen' | 'unknown';

/**
 * Whether the script opens a human monitor that a program can connect to: the fork's does, on its debug port + 100. Upstream's has none of its
 * own: `-nographic` puts the monitor on the console, behind Ctrl-A c. `unknown` refuses nothing: at launch QEMU's own command line is looked at.
 */
export function opensMonitor(script: string): Sighting {
  return sighting(script, (options) => reachableMonitors(options).length > 0);
}

/** What to do with a script that opens none. */
export const monitorRemedy =
  "Use the fork's launch script (cwzsquare/open-tdx), or add to QEMU's arguments in yours: " +
  '-monitor tcp:127.0.0.1:$((debug_port + 100)),server,nowait. A monitor elsewhere is named by E2E_MONITOR=HOST:PORT or E2E_MONITOR=unix:PATH';

/** Whether the script's QEMU opens ports beyond 127.0.0.1: each is one that anybody who reaches this host may connect to. */
export function opensAllInterfaces(script: string): Sighting {
  return sighting(script, (options) =>
    listenersOf(options).some((each) => !isOnLoopback(each) && !each.host.includes(unresolved)),
  );
}

/** Stands for what the text does not say: a variable of the environment, the output of a command. */
const unresolved = '\ufffc';
/** Between the elements of an array. */
const separator = '\ufffb';

function sighting(script: string, holds: (options: readonly QemuOption[]) => boolean): Sighting {
  const [firstLine = ''] = script.split('\n', 1);
  const isShell = firstLine.startsWith('#!') ? /\b(ba|da|k|z)?sh\b/.test(firstLine) : !script.includes('\0');
  if (!isShell) return 'unknown';
  const commands = shellCommands(script);
  // Without what may not run; with it, in its order; with it beside what it may take the place of.
  const [least = [], last = [], most = []] = (['skip', 'run', 'both'] as const).map((branches) =>
    qemuCommands(commands, branches),
  );
  if (most.length === 0) return 'unknown';
  if (least.some(holds) && last.every(holds)) return 'seen';
  return most.some(holds) || most.some(hasUnknown) ? 'unknown' : 'not seen';
}

/** Something that the text does not say may be an option, or what an option of interest opens. */
function hasUnknown(options: readonly QemuOption[]): boolean {
  const telling =
    /^(monitor|mon|chardev|qmp.*|gdb|vnc|spice|display|incoming|netdev|nic|net|serial|readconfig)$/;
  return options.some(({ name, value = '', words }) =>
    name === undefined
      ? isUnresolved({ words })
      : name === 'readconfig' ||
        name === 'set' ||
        (name === 'incoming' && value.startsWith('exec:')) ||
        name.includes(unresolved) ||
        (telling.test(name) && value.replace(/:[\d\ufffc]+(?![\d\ufffc:])/g, '').includes(unresolved)),
  );
}

function isUnresolved({ words }: Pick<QemuOption, 'words'>): boolean {
  return words.some((word) => word.includes(unresolved));
}

type Branches = 'skip' | 'run' | 'both';

/** The options of each QEMU that these commands start. */
function qemuCommands(commands: readonly ShellCommand[], branches: Branches): QemuOption[][] {
  const variables = new Map<string, string>();
  const found: QemuOption[][] = [];
  const functions = new Set(commands.flatMap(({ within }) => within ?? []));
  const called = new Set<string>();
  const running: string[] = [];
  const runAll = (name: string | undefined, maybe: boolean): void => {
    for (const command of commands)
      if (command.within === name) run({ ...command, maybe: maybe || command.maybe });
  };
  const run = (command: ShellCommand): void => {
    if (command.maybe && branches === 'skip') return;
    const rest = assign(command, variables, command.maybe && branches === 'both');
    if (rest.length === 0) return;
    const words = rest.flatMap((word) => expand(word, variables));
    const name = words[0] ?? '';
    forget(words, variables);
    if (functions.has(name) && !running.includes(name)) {
      called.add(name);
      running.push(name);
      runAll(name, command.maybe);
      running.pop();
    }
    if (/^(eval|(ba|da)?sh)$/.test(name)) {
      const text = words
        .slice(1)
        .join(' ')
        .replace(/^(-\w+ )+/, '');
      for (const each of shellCommands(text)) run({ ...each, maybe: each.maybe || command.maybe });
      return;
    }
    const at = programAt(words);
    const options = parseCommandLine(words.slice(at + 1));
    // An argument, of grep or an installer, has no options; one that is asked for its version starts no machine.
    const starts = at === 0 || options.some((each) => each.name !== undefined || isUnresolved(each));
    const asks = options.some((each) => /^(version|help|h)$/.test(each.name ?? '') || each.value === 'help');
    if (at >= 0 && starts && !asks) found.push(name === 'xargs' ? [...options, option(unresolved)] : options);
  };
  runAll(undefined, false);
  // Whoever calls the others, the text does not say.
  for (const name of functions) if (!called.has(name)) runAll(name, true);
  return found;
}

/** After some commands variables hold what the text does not say. */
function forget([name = '', ...args]: readonly string[], variables: Map<string, string>): void {
  if (name === 'unset') for (const each of args) variables.set(each, '');
  const writes = /^(read|mapfile|readarray|getopts)$/.test(name) || (name === 'printf' && args[0] === '-v');
  const written = /^(source|\.)$/.test(name) ? [...variables.keys()] : writes ? args : [];
  for (const each of written) variables.set(each, `${variables.get(each) ?? ''}${unresolved}`);
}

/** Commands that have QEMU's name among their arguments and do not start it. */
const onlyNames =
  /^(echo|printf|which|command|type|test|\[|\[\[|pkill|pgrep|killall|ls|cp|ln|stat|file|ldd|trap|cd|make)$/;

/** Where QEMU stands in a command, behind sudo and the like; -1 where it does not. */
function programAt(words: readonly string[]): number {
  if (onlyNames.test(words[0] ?? '')) return -1;
  const named = words.findIndex((word) => /(^|\/)(qemu-system-\w+|qemu-kvm|kvm)$/.test(word));
  const known = words.findIndex((word) => /^--?(machine|M|nographic|enable-kvm|smp|nodefaults)$/.test(word));
  return named >= 0
    ? named
    : words.slice(0, Math.max(known, 0)).findIndex((word) => word.includes(unresolved));
}

/** Notes the assignments that a command begins with, or consists of; answers its other words. */
function assign(
  command: ShellCommand,
  variables: Map<string, string>,
  beside: boolean,
): readonly ShellWord[] {
  let words = command.words;
  if (/^(local|export|readonly|declare|typeset)$/.test(plain(words[0] ?? [])))
    words = words.slice(1).filter((word) => !plain(word).startsWith('-'));
  while (words[0]) {
    const [, name, append, value] = /^([A-Za-z_]\w*)(\+?)=(.*)$/s.exec(plain(words[0])) ?? [];
    if (name === undefined || value === undefined) break;
    const isArray = command.array !== undefined && words.length === 1;
    const added = isArray
      ? (command.array ?? []).flatMap((word) => expand(word, variables)).join(separator)
      : expand(valueOf(words[0]), variables, false).join(' ');
    const before = variables.get(name);
    const joint = isArray ? separator : append ? '' : ' ';
    const keeps = before !== undefined && before !== '' && (append === '+' || beside);
    variables.set(name, keeps ? `${before}${joint}${added}` : added);
    words = words.slice(1);
  }
  return words;
}

/** What stands behind the first equals sign. */
function valueOf(word: ShellWord): ShellWord {
  const at = word.findIndex(({ text, quoted }) => !quoted && text.includes('='));
  return [
    {
      ...(word[at] ?? { text: '', quoted: false, literal: true }),
      text: (word[at]?.text ?? '').replace(/^[^=]*=/s, ''),
    },
    ...word.slice(at + 1),
  ];
}

/** The words that a word becomes. */
function expand(word: ShellWord, variables: ReadonlyMap<string, string>, split = true): string[] {
  // {a,b} becomes several words: which, is not worked out.
  const bare = plain(word.filter(({ quoted }) => !quoted));
  if (split && /(?<!\$)\{[^{}]*,[^{}]*\}/.test(bare)) return [plain(word), unresolved];
  let words = [''];
  let any = false;
  for (const { text, quoted, literal } of word) {
    const expanded = literal ? text : substitute(text, variables);
    const cut = split && !literal && (expanded.includes(separator) || (!quoted && /\s/.test(expanded)));
    const fields = cut
      ? expanded.split(quoted ? separator : /[\s\ufffb]+/)
      : [expanded.replaceAll(separator, ' ')];
    any ||= quoted || expanded.trim() !== '';
    words = [...words.slice(0, -1), `${words.at(-1) ?? ''}${fields[0] ?? ''}`, ...fields.slice(1)];
  }
  return any
    ? split
      ? words.filter((each) => each !== '' || word.some(({ quoted }) => quoted))
      : words
    : [];
}

/** The text with what its expansions stand for. */
function substitute(text: string, variables: ReadonlyMap<string, string>): string {
  let whole = '';
  for (let at = 0; at < text.length; at += 1) {
    const isExpansion = /[$`]/.test(text[at] ?? '');
    const end = isExpansion ? expansionEnd(text, at) : at + 1;
    whole += isExpansion && end > at + 1 ? expansion(text.slice(at, end), variables) : text.slice(at, end);
    at = end - 1;
  }
  return whole;
}

function expansion(written: string, variables: ReadonlyMap<string, string>): string {
  // A number; which one, matters to nobody here.
  if (written.startsWith('$((')) return '1';
  const [, name, operator, fallback = ''] =
    /^\$\{?(\w+)(?:\[[@*]\])?(?:(:?[-=])(.*))?\}?$/s.exec(written.replace(/\}$/, '')) ?? [];
  if (name === undefined) return unresolved;
  const value = variables.get(name);
  if (operator === undefined) return value ?? unresolved;
  if (value !== undefined && (value !== '' || !operator.startsWith(':'))) return value;
  // Without a value in the text it may have one in the environment.
  return `${substitute(fallback.replace(/["']/g, ''), variables)}${value === undefined ? unresolved : ''}`;
}
