import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { MonitorEndpoint } from './endpoint.js';

/** A row of /proc/net/tcp: one end of a TCP socket on this host (Linux Documentation/networking/proc_net_tcp.rst). */
export interface TcpSocket {
  readonly localPort: number;
  readonly remotePort: number;
  readonly state: 'established' | 'listening' | 'other';
  /** For a listening socket: connections that wait to be accepted. For others: bytes received but not read. */
  readonly receiveQueue: number;
  /** The socket's inode; 0 while nobody has accepted it. */
  readonly inode: number;
}

const ROW =
  /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]{2}) [0-9A-F]+:([0-9A-F]{1,8}) \S+ \S+ +\d+ +\d+ (\d{1,15})\b/;

/** Parses /proc/net/tcp or tcp6. Rows of another shape are left out: the kernel may add columns, never shift these. */
export function parseTcpTable(text: string): TcpSocket[] {
  const sockets: TcpSocket[] = [];
  for (const line of text.split('\n')) {
    const [, local, remote, state, queue, inode] = ROW.exec(line) ?? [];
    if (local === undefined || remote === undefined || queue === undefined) continue;
    sockets.push({
      localPort: Number.parseInt(local, 16),
      remotePort: Number.parseInt(remote, 16),
      state: state === '01' ? 'established' : state === '0A' ? 'listening' : 'other',
      receiveQueue: Number.parseInt(queue, 16),
      inode: Number(inode),
    });
  }
  return sockets;
}

/** All TCP sockets in this process's network namespace, or none where /proc cannot be read. */
export function tcpSockets(): TcpSocket[] {
  return ['/proc/self/net/tcp', '/proc/self/net/tcp6'].flatMap((path) => {
    try {
      return parseTcpTable(readFileSync(path, 'latin1'));
    } catch {
      return []; // no IPv6, or no /proc: the caller then knows less and says so
    }
  });
}

/**
 * Whether connections wait at a listening socket: QEMU does not accept while it has a client, other servers do at once. A waiting
 * end of a unix connection is in state 2, SS_CONNECTING (Linux net/unix/af_unix.c, unix_seq_show()), under the path that the server gave,
 * which may be written otherwise than the client's.
 */
export function isConnectionUnaccepted(endpoint: MonitorEndpoint): boolean {
  if ('path' in endpoint) {
    const name = basename(endpoint.path);
    return unixTable().some((row) => / 02 +0 /.test(row) && basename(row) === name);
  }
  return tcpSockets().some(
    ({ state, localPort, receiveQueue }) =>
      state === 'listening' && localPort === endpoint.port && receiveQueue > 0,
  );
}

function unixTable(): string[] {
  try {
    return readFileSync('/proc/self/net/unix', 'latin1').split('\n');
  } catch {
    return [];
  }
}
