import { option } from '../../qemu-command-line/index.js';
import type { Draft } from '../draft.js';

/** Opens the gdb stub on `port`, on 127.0.0.1 unless the script opens that port itself, and lets the VM run from the start. */
export function openDebugger(draft: Draft, port: number): void {
  for (const stopped of draft.all('S')) draft.replace(stopped, undefined, 'the VM runs from the start');
  const wanted = new RegExp(`^tcp:.*:${port}(,|$)`);
  const stubs = draft.all('gdb', 's');
  if (stubs.some(({ value }) => wanted.test(value ?? ''))) return;
  // QEMU has one stub: the last that is asked for.
  for (const other of stubs) draft.replace(other, undefined, 'the gdb stub is wanted on another port');
  draft.add(option('gdb', `tcp:127.0.0.1:${port}`), 'a gdb stub on the running VM');
}
