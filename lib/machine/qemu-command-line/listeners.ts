import { type QemuOption, option } from './options.js';
import { isOn, jsonOf, partsOf, property } from './properties.js';

/** Where something of QEMU's listens for connections over a network. */
export interface Listener {
  /** The option that opens it, without dashes. */
  readonly by: string;
  /** As it is written, without brackets: empty for all interfaces. */
  readonly host: string;
  readonly port: string;
}

/** Told of a listener; answers the host that it is to be bound to. */
type Visit = (listener: Listener) => string;

/** All that these options have QEMU listen on. Unix sockets are not reached over a network. */
export function listenersOf(options: readonly QemuOption[]): Listener[] {
  const found: Listener[] = [];
  for (const each of options) {
    visitListeners(each, (listener) => {
      found.push(listener);
      return listener.host;
    });
  }
  return found;
}

/** Whether only this host can connect to it. `0` and an empty host are all interfaces. */
export function isOnLoopback({ host }: Pick<Listener, 'host'>): boolean {
  return /^(127(\.\d+){3}|localhost|ip6-localhost|::1)$/.test(host);
}

/** The option with each of its listeners on 127.0.0.1; the same one when they are on this host already. */
export function onLoopback(given: QemuOption): QemuOption {
  return visitListeners(given, (listener) => (isOnLoopback(listener) ? listener.host : '127.0.0.1'));
}

function visitListeners(given: QemuOption, visit: Visit): QemuOption {
  const { name = '', value = '' } = given;
  if (name === 's') {
    const host = visit({ by: 's', host: '', port: '1234' });
    return host === '' ? given : option('gdb', `tcp:${host}:1234`);
  }
  const visited = visitors[name]?.(value, (host, port) => visit({ by: name, host, port })) ?? value;
  return visited === value ? given : option(name, visited);
}

type HostVisit = (host: string, port: string) => string;
type ValueVisitor = (value: string, visit: HostVisit) => string;

/** `host:port`, `[v6]:port`, `:port`, `port` only where `bare`. */
function visitAddress(text: string, visit: HostVisit): string {
  const match = /^(\[[^\]]*\]|[^:]*):(.*)$/s.exec(text);
  if (!match) return text;
  const [, written = '', port = ''] = match;
  const host = written.replace(/^\[(.*)\]$/, '$1');
  const bound = visit(host, port);
  return bound === host ? text : `${bound}:${port}`;
}

/** What was written for another address family would contradict an address of this one. */
function withoutFamily(parts: readonly string[]): string[] {
  return parts.filter((part) => !/^(no)?ipv[46]($|=)/.test(part));
}

/** A character device in the old syntax, as -serial and -monitor take it (QEMU's chardev/char.c, qemu_chr_parse_compat). */
function characters(value: string, visit: HostVisit, alwaysServer = false): string {
  const match = /^((?:mon:)?(?:tcp|telnet|tn3270|websocket):)(.*)$/s.exec(value);
  if (match) {
    const [address = '', ...rest] = partsOf(match[2] ?? '');
    if (!alwaysServer && !isOn(rest, 'server')) return value;
    const bound = visitAddress(address, visit);
    return bound === address ? value : `${match[1] ?? ''}${[bound, ...withoutFamily(rest)].join(',')}`;
  }
  const udp = /^((?:mon:)?udp:[^@]*@)(.*)$/s.exec(value);
  return udp ? `${udp[1] ?? ''}${visitAddress(udp[2] ?? '', visit)}` : value;
}

/** Sets `key=…` among the parts, wherever it stood. */
function visitHost(parts: readonly string[], key: string, port: string, visit: HostVisit): string[] {
  const host = property(parts, key) ?? '';
  const bound = visit(host.replace(/^\[(.*)\]$/, '$1'), port);
  if (bound === host) return [...parts];
  return [...withoutFamily(parts.filter((part) => !part.startsWith(`${key}=`))), `${key}=${bound}`];
}

function chardev(value: string, visit: HostVisit): string {
  const parts = partsOf(value);
  const backend = property(parts, 'backend') ?? parts[0];
  const port = property(parts, 'port');
  if (backend === 'socket' && port !== undefined && isOn(parts, 'server'))
    return visitHost(parts, 'host', port, visit).join(',');
  const local = property(parts, 'localport') ?? property(parts, 'localaddr');
  if (backend === 'udp' && local !== undefined)
    return visitHost(parts, 'localaddr', property(parts, 'localport') ?? '0', visit).join(',');
  return value;
}

/** Display N is on port 5900 + N. */
function vnc(value: string, visit: HostVisit): string {
  const [display = '', ...rest] = partsOf(value);
  if (isOn(rest, 'reverse') || /^(none|unix:|to=)/.test(display)) return value;
  const base = (number: string): string => (/^\d+$/.test(number) ? String(5900 + Number(number)) : number);
  const bound = visitAddress(display, (host, number) => visit(host, base(number)));
  const others = rest.map((part) => {
    const web = /^websocket(?:=(.*))?$/s.exec(part);
    if (!web || web[1] === 'off') return part;
    const address = web[1] ?? 'on';
    // Without a host of its own it is where the display is.
    return address.includes(':') ? `websocket=${visitAddress(address, visit)}` : part;
  });
  return [bound, ...(bound === display ? others : withoutFamily(others))].join(',');
}

function spice(value: string, visit: HostVisit): string {
  const parts = partsOf(value);
  const ports = ['port', 'tls-port'].flatMap((key) => property(parts, key) ?? []);
  if (isOn(parts, 'unix') || ports.length === 0) return value;
  return visitHost(parts, 'addr', ports.join('/'), visit).join(',');
}

function incoming(value: string, visit: HostVisit): string {
  const json = jsonOf(value);
  if (json) return visitJson(value, json, visit);
  const match = /^((?:tcp|rdma):)(.*)$/s.exec(value);
  if (!match) return value;
  const [address = '', ...rest] = partsOf(match[2] ?? '');
  const bound = visitAddress(address, visit);
  return bound === address ? value : `${match[1] ?? ''}${[bound, ...withoutFamily(rest)].join(',')}`;
}

/** `tcp:[host]:port-[guest]:port` of user networking. */
function forwarding(rule: string, visit: HostVisit): string {
  const match = /^((?:tcp|udp)?:)(.*?)(-[^-]*)$/s.exec(rule);
  return match ? `${match[1] ?? ''}${visitAddress(match[2] ?? '', visit)}${match[3] ?? ''}` : rule;
}

/** `[address[%interface]/]ports`, of -netdev passt (passt's own -t and -u); without an address it is all of them. */
function passtForwarding(rule: string, visit: HostVisit): string {
  const [, host = '', ports = ''] = /^(?:([^/]*)\/)?(.+)$/s.exec(rule) ?? [];
  const address = host.replace(/%.*$/, '');
  if (/^(none|auto)?$/.test(ports)) return rule;
  const bound = visit(address, ports);
  return bound === address ? rule : `${bound}/${ports}`;
}

function network(value: string, visit: HostVisit): string {
  const json = jsonOf(value);
  if (json) return visitJson(value, json, visit);
  let parts = partsOf(value).map((part) => {
    const [, key = '', text = ''] = /^(hostfwd|listen|localaddr|(?:tcp|udp)-ports)=(.*)$/s.exec(part) ?? [];
    if (key === '') return part;
    const visitor = key === 'hostfwd' ? forwarding : key.endsWith('-ports') ? passtForwarding : visitAddress;
    return `${key}=${visitor(text, visit)}`;
  });
  // Whoever is in the group's network can send to it: on which interfaces it is joined, localaddr says.
  const group = property(parts, 'mcast');
  if (group !== undefined) parts = visitHost(parts, 'localaddr', group.replace(/^.*:/, ''), visit);
  for (const at of ['addr', 'local']) {
    const port = property(parts, `${at}.port`);
    const listens = at === 'local' || isOn(parts, 'server');
    if (port !== undefined && listens) parts = visitHost(parts, `${at}.host`, port, visit);
  }
  return parts.join(',');
}

/** The same in JSON: forwarding rules, and addresses of sockets, at whatever depth. */
function visitJson(value: string, json: Record<string, unknown>, visit: HostVisit): string {
  let changed = false;
  const note = (before: string, after: string): string => {
    changed ||= before !== after;
    return after;
  };
  // An address of a stream that is no server is one that it connects to.
  const connects = json.type === 'stream' && json.server !== true;
  const visited: unknown = JSON.parse(value, (key, each: unknown) => {
    if (typeof each === 'string') {
      const rule = json.type === 'passt' ? passtForwarding : forwarding;
      if (key === 'str') return note(each, rule(each, visit));
      if (key === 'listen' || key === 'localaddr') return note(each, visitAddress(each, visit));
    }
    if (typeof each !== 'object' || each === null || connects || key === 'remote') return each;
    const { host, port } = each as { host?: unknown; port?: unknown };
    if (typeof host !== 'string' || (typeof port !== 'string' && typeof port !== 'number')) return each;
    const bound = note(host, visit(host.replace(/^\[(.*)\]$/, '$1'), String(port)));
    return { ...each, host: bound };
  });
  return (changed as boolean) ? JSON.stringify(visited) : value;
}

const visitors: Readonly<Record<string, ValueVisitor>> = {
  ...Object.fromEntries(
    ['monitor', 'serial', 'parallel', 'qmp', 'qmp-pretty', 'virtioconsole', 'debugcon', 'qtest'].map(
      (name) => [name, (value: string, visit: HostVisit) => characters(value, visit)],
    ),
  ),
  gdb: (value, visit) => characters(value, visit, true),
  chardev,
  vnc,
  display: (value, visit) => (value.startsWith('vnc=') ? `vnc=${vnc(value.slice(4), visit)}` : value),
  spice,
  incoming,
  netdev: network,
  nic: network,
  net: network,
  redir: forwarding,
};
