import { option, reachableMonitors } from '../../qemu-command-line/index.js';
import type { Draft } from '../draft.js';

/** Opens a monitor on `port` unless the script does. With -nographic the serial console then has stdio for itself. */
export function openMonitor(draft: Draft, port: number): void {
  const there = reachableMonitors(draft.options);
  if (there.some((place) => place.kind === 'tcp' && place.port === String(port))) return;
  draft.add(
    option('monitor', `tcp:127.0.0.1:${port},server,nowait,nodelay`),
    'the launch script opens no monitor on this port',
  );
}
