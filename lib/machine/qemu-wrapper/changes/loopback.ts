import { option, type QemuOption } from '../command-line.js';
import type { Draft } from '../draft.js';

/** The default address and the one that means the same. */
const everywhere = '(0\\.0\\.0\\.0)?';

/** Binds to 127.0.0.1 what would listen on all interfaces: forwarded ports, gdb stub, monitors. */
export function listenOnLoopback(draft: Draft): void {
  const rebind = (each: QemuOption, pattern: RegExp): void => {
    const value = each.value ?? '';
    const bound = value.replace(pattern, '$<before>127.0.0.1:');
    if (bound === value) return;
    draft.replace(each, option(each.name ?? '', bound), 'listens on this host only');
  };
  const forwarded = new RegExp(`(?<before>hostfwd=(tcp|udp)?:)${everywhere}:(?=\\d)`, 'g');
  const server = new RegExp(`^(?<before>(tcp|telnet):)${everywhere}:(?=\\d)`);
  for (const each of draft.all('netdev', 'nic', 'net')) rebind(each, forwarded);
  for (const each of draft.all('gdb', 'monitor', 'serial', 'qmp')) rebind(each, server);
  for (const each of draft.all('s')) {
    draft.replace(each, option('gdb', 'tcp:127.0.0.1:1234'), 'listens on this host only');
  }
}
