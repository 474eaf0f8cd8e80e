import { parseCommandLine, type QemuOption, withSets } from './options.js';
import { isOn, partsOf, property } from './properties.js';

/** Where a character device can be connected to; `other` for what cannot: stdio, a file, a socket that connects out. */
export type CharacterPlace =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: string }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'other'; readonly spec: string };

export interface QemuMonitor {
  /** QMP, for programs (mode=control), in place of the human one. */
  readonly control: boolean;
  readonly place: CharacterPlace;
}

/** Keys go to the console until Ctrl-A c is typed, and nothing greets (QEMU 7.2, chardev/char-mux.c). */
const behindConsole = (spec: string): CharacterPlace => ({
  kind: 'other',
  spec: `${spec}, behind its console`,
});

/** All monitors that these options have QEMU open, but the default one, which is on a virtual console or, with -nographic, on stdio. */
export function monitorsOf(options: readonly QemuOption[]): QemuMonitor[] {
  const devices = new Map<string, CharacterPlace>();
  for (const { value } of named(options, 'chardev')) {
    const parts = partsOf(value);
    const id = property(parts, 'id') ?? '';
    const sharer = (each: QemuOption): boolean =>
      !/^(chardev|mon)$/.test(each.name ?? '') &&
      partsOf(each.value ?? '').some((part) => /^chardev[:=](.*)$/.exec(part)?.[1] === id);
    const shared = isOn(parts, 'mux') && options.some(sharer);
    devices.set(id, shared ? behindConsole(value) : chardevPlace(parts, value));
  }
  const placeOf = (spec: string): CharacterPlace =>
    spec.startsWith('chardev:')
      ? (devices.get(spec.slice('chardev:'.length)) ?? { kind: 'other', spec })
      : oldPlace(spec);
  return [
    ...named(options, 'monitor')
      .filter(({ value }) => value !== 'none')
      .map(({ value }) => ({ control: false, place: placeOf(value.replace(/^mon:/, '')) })),
    ...named(options, 'serial', 'parallel', 'virtioconsole', 'debugcon')
      .filter(({ value }) => value.startsWith('mon:'))
      .map(({ value }) => ({ control: false, place: behindConsole(value) })),
    ...named(options, 'qmp', 'qmp-pretty')
      .filter(({ value }) => value !== 'none')
      .map(({ value }) => ({ control: true, place: placeOf(value) })),
    ...named(options, 'mon').map(({ value }) => {
      const parts = partsOf(value);
      const id = property(parts, 'chardev') ?? parts[0] ?? '';
      return {
        control: property(parts, 'mode') === 'control',
        place: devices.get(id) ?? { kind: 'other' as const, spec: value },
      };
    }),
  ];
}

/** The human monitors that a program can connect to. */
export function reachableMonitors(
  options: readonly QemuOption[],
): Exclude<CharacterPlace, { kind: 'other' }>[] {
  return monitorsOf(options).flatMap(({ control, place }) =>
    control || place.kind === 'other' ? [] : [place],
  );
}

/**
 * The options that a file of -readconfig stands for (QEMU's util/qemu-config.c): sections `[group "id"]` of `name = "value"`.
 */
function optionsOfConfig(text: string): QemuOption[] {
  const words: string[] = [];
  for (const line of text.split('\n')) {
    const [, group, id] = /^\s*\[\s*([\w-]+)(?:\s+"([^"]*)")?\s*\]/.exec(line) ?? [];
    const [, name, value = ''] = /^\s*([\w.-]+)\s*=\s*"([^"]*)"/.exec(line) ?? [];
    if (group !== undefined)
      words.push(`-${group}`, id === undefined ? '' : `id=${id.replaceAll(',', ',,')}`);
    else if (name !== undefined && words.length > 0) {
      const property = `${name}=${value.replaceAll(',', ',,')}`;
      words.push([words.pop() ?? '', property].filter((each) => each !== '').join(','));
    }
  }
  return parseCommandLine(words);
}

/** The options with those of their files of -readconfig in their places (of a file that cannot be read, nothing), and what -set says of them. */
export function withConfigs(
  options: readonly QemuOption[],
  read: (file: string) => string | undefined,
): readonly QemuOption[] {
  const whole = options.flatMap((each) => {
    const text = each.name === 'readconfig' && each.value !== undefined ? read(each.value) : undefined;
    return text === undefined ? [each] : optionsOfConfig(text);
  });
  return withSets(whole);
}

function named(
  options: readonly QemuOption[],
  ...names: string[]
): (QemuOption & { readonly value: string })[] {
  return options.flatMap((each) =>
    each.name !== undefined && names.includes(each.name) && each.value !== undefined
      ? [{ ...each, value: each.value }]
      : [],
  );
}

function chardevPlace(parts: readonly string[], spec: string): CharacterPlace {
  const isSocket = (property(parts, 'backend') ?? parts[0]) === 'socket' && isOn(parts, 'server');
  // What a plain connection does not reach.
  const isWrapped =
    isOn(parts, 'websocket') || isOn(parts, 'abstract') || property(parts, 'tls-creds') !== undefined;
  if (!isSocket || isWrapped) return { kind: 'other', spec };
  const path = property(parts, 'path');
  if (path !== undefined) return { kind: 'unix', path };
  const port = property(parts, 'port');
  // Without either it is a descriptor that QEMU inherits.
  return port === undefined
    ? { kind: 'other', spec }
    : { kind: 'tcp', host: property(parts, 'host') ?? '', port };
}

/** The old syntax: `tcp:host:port,server`, `telnet:…`, `unix:path,server`. */
function oldPlace(spec: string): CharacterPlace {
  const [, kind = '', rest = ''] = /^(tcp|telnet|unix):(.*)$/s.exec(spec) ?? [];
  const [address = '', ...properties] = partsOf(rest);
  if (kind === '' || !isOn(properties, 'server')) return { kind: 'other', spec };
  if (kind === 'unix') return { kind: 'unix', path: address.replaceAll(',,', ',') };
  const [, host = '', port = ''] = /^(\[[^\]]*\]|[^:]*):(.*)$/s.exec(address) ?? [];
  return { kind: 'tcp', host: host.replace(/^\[(.*)\]$/, '$1'), port };
}
