import { onLoopback } from '../../qemu-command-line/index.js';
import type { Draft } from '../draft.js';

/** Binds to 127.0.0.1 all that would listen beyond this host: forwarded ports, gdb stub, monitors, consoles, displays, migration. */
export function listenOnLoopback(draft: Draft): void {
  for (const each of draft.options) {
    const bound = onLoopback(each);
    if (bound !== each) draft.replace(each, bound, 'listens on this host only');
  }
}
