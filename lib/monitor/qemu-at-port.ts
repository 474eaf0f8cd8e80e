import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { MonitorEndpoint } from './endpoint.js';
import { tcpSockets } from './tcp-table.js';

/** A QEMU of this host that an endpoint belongs to. */
export interface QemuAtPort {
  readonly pid: number;
  /** What of its command line names the endpoint, such as `-gdb tcp::1234`. */
  readonly options: readonly string[];
  /** Whether the endpoint is its gdb stub, by those options. */
  readonly isStub: boolean;
  /** Whether a command of its monitor must have opened the endpoint: no option names it, or could mean it without its number. */
  readonly openedLater: boolean;
}

/** Ports that stand elsewhere, are the kernel's choice or looked for from one on, or were opened by whoever started QEMU. */
const UNNAMED = /^--?readconfig$|(?:^|,)(?:to|fd)=|(?::|port=)0(?![\w.:])/;

/**
 * The QEMU behind an endpoint, found **without connecting**: a connection to a gdb stub stops the VM, at once or, if a debugger has
 * the stub, as soon as that one leaves.
 */
export function qemuAtPort(endpoint: MonitorEndpoint): QemuAtPort | undefined {
  if (!isHere(endpoint)) return undefined;
  for (const pid of processIds()) {
    const words = commandLine(pid);
    if (!/qemu|kvm/.test(basename(words[0] ?? ''))) continue;
    const options = optionsAt(words, endpoint);
    const isStub = options.some((option) => /^--?(gdb |s$)/.test(option));
    if (options.length > 0 || ('port' in endpoint && listensAt(pid, endpoint.port)))
      return {
        pid,
        options,
        isStub,
        openedLater: options.length === 0 && !words.some((word) => UNNAMED.test(word)),
      };
  }
  return undefined;
}

/** Whoever listens there, on this host and as far as this user may know: `node (process 4711)`. */
export function listenerAt(endpoint: MonitorEndpoint): string | undefined {
  if (!('port' in endpoint) || !isHere(endpoint)) return undefined;
  const pid = processIds().find((each) => listensAt(each, endpoint.port));
  return pid === undefined ? undefined : `${basename(commandLine(pid)[0] ?? '')} (process ${String(pid)})`;
}

function isHere(endpoint: MonitorEndpoint): boolean {
  return 'path' in endpoint || /^(localhost|127\.[\d.]+|\[?::1\]?)$/.test(endpoint.host ?? 'localhost');
}

/** The options of a QEMU command line that name an endpoint, and those that use a chardev that does. */
export function optionsAt(words: readonly string[], endpoint: MonitorEndpoint): string[] {
  const options = words.flatMap((word, index) => {
    const next = words[index + 1] ?? '';
    return word.startsWith('-') ? [{ name: word, value: next.startsWith('-') ? '' : next }] : [];
  });
  const direct = options.filter((option) => names(option, endpoint));
  const ids = direct.flatMap(({ name, value }) =>
    /^--?chardev$/.test(name) ? (/(?:^|,)id=([^,]+)/.exec(value)?.slice(1) ?? []) : [],
  );
  const uses = options.filter(
    ({ value }) =>
      !direct.some((option) => option.value === value) &&
      ids.some((id) => value.split(',').some((part) => /^(?:chardev[=:])?(.*)$/.exec(part)?.[1] === id)),
  );
  return [...direct, ...uses].map(({ name, value }) => `${name} ${value}`.trim());
}

function names({ name, value }: { name: string; value: string }, endpoint: MonitorEndpoint): boolean {
  if ('path' in endpoint) {
    const paths = [endpoint.path, resolve(endpoint.path)];
    return value.split(',').some((part) => paths.includes(part.replace(/^(?:unix:|path=|addr\.path=)/, '')));
  }
  const { port } = endpoint;
  if (/^--?s$/.test(name)) return port === 1234;
  if (/^--?vnc$/.test(name) && value.split(',')[0]?.endsWith(`:${String(port - 5900)}`) === true) return true;
  // Behind the dash of a forwarded port is the guest's own.
  const host = value.replaceAll(/-[\w.]*:\d+/g, '');
  return new RegExp(`(?::|port=)${String(port)}(?!\\d)`).test(host);
}

/** Whether somebody is connected to a port. */
export function hasClient(port: number): boolean {
  return tcpSockets().some(
    ({ state, localPort, inode }) => state === 'established' && localPort === port && inode !== 0,
  );
}

function listensAt(pid: number, port: number): boolean {
  const inodes = tcpSockets()
    .filter(({ state, localPort }) => state === 'listening' && localPort === port)
    .map(({ inode }) => `socket:[${String(inode)}]`);
  try {
    const folder = `/proc/${String(pid)}/fd`;
    return readdirSync(folder).some((fd) => inodes.includes(readlinkSync(`${folder}/${fd}`)));
  } catch {
    return false; // another user's, or something of it ended meanwhile: then less is known, and the port tells
  }
}

function processIds(): number[] {
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8')
      .split('\0')
      .slice(0, -1);
  } catch {
    return []; // ended meanwhile
  }
}
