import path from 'node:path';

import type { MonitorEndpoint } from '../monitor/index.js';
import { InfrastructureError } from '../errors.js';
import { monitorRemedy } from './checkout/index.js';
import { monitorsOf, type QemuOption, reachableMonitors } from './qemu-command-line/index.js';

/** QEMU runs, and has no monitor that the harness can talk to. */
export class NoMonitorError extends InfrastructureError {
  override readonly name = 'NoMonitorError';
}

/**
 * Where the monitor of a QEMU with these options is: at the port that the launcher was told, or wherever else they have one.
 *
 * @param folder that QEMU runs in, for the relative path of a socket
 * @returns undefined when the options do not tell: a file of -readconfig that could not be read
 * @throws NoMonitorError when they open no human monitor that can be connected to
 */
export function findMonitor(
  options: readonly QemuOption[],
  port: number,
  folder: string,
): MonitorEndpoint | undefined {
  const places = reachableMonitors(options);
  const place = places.find((each) => each.kind === 'tcp' && each.port === String(port)) ?? places[0];
  if (place?.kind === 'unix') return { path: path.resolve(folder, place.path) };
  if (place) {
    const host = /^(|0|\*|0\.0\.0\.0|::)$/.test(place.host) ? '127.0.0.1' : place.host;
    return { host, port: Number(place.port) };
  }
  if (options.some(({ name }) => name === 'readconfig')) return undefined;
  const others = monitorsOf(options).map(({ control, place: at }) =>
    control ? 'a QMP monitor' : at.kind === 'other' ? `a monitor on ${at.spec}` : '',
  );
  const seen = others.length === 0 ? 'none but the one on its console' : [...new Set(others)].join(', ');
  throw new NoMonitorError(
    `QEMU runs and opens no human monitor that a program can connect to: its command line has ${seen}. ${monitorRemedy}`,
  );
}
