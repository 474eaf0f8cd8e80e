import { option } from '../command-line.js';
import type { Draft } from '../draft.js';

/** Opens a monitor on `port` unless the script does. With -nographic the serial console then has stdio for itself. */
export function openMonitor(draft: Draft, port: number): void {
  const wanted = new RegExp(`^(tcp|telnet):.*:${port}(,|$)`);
  if (draft.all('monitor').some(({ value }) => wanted.test(value ?? ''))) return;
  draft.add(
    option('monitor', `tcp:127.0.0.1:${port},server,nowait,nodelay`),
    'the launch script opens no monitor on this port',
  );
}
