import type { NetConnectOpts } from 'node:net';

/** Where a monitor listens: a TCP port (on 127.0.0.1 unless `host` is given), or the path of a unix socket. */
export type MonitorEndpoint = { readonly port: number; readonly host?: string } | { readonly path: string };

const LOOPBACK = '127.0.0.1';

export function connectOptions(endpoint: MonitorEndpoint): NetConnectOpts {
  return 'path' in endpoint
    ? { path: endpoint.path }
    : { port: endpoint.port, host: bareHost(endpoint.host), noDelay: true };
}

/** The endpoint for a message: `127.0.0.1:1334` or a socket's path. */
export function describeEndpoint(endpoint: MonitorEndpoint): string {
  return 'path' in endpoint
    ? endpoint.path
    : `${bracketed(bareHost(endpoint.host))}:${String(endpoint.port)}`;
}

/** IPv6 addresses may be given in the brackets of URLs: `[::1]`. */
function bareHost(host = LOOPBACK): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
