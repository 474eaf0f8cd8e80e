import type { GuestShell } from '../../lib/guest/ssh/index.js';

/** What the module kernel_reports makes the kernel report; see images/reference/modules/README.md. */
export type Provocation =
  | 'oops'
  | 'gpf'
  | 'segment'
  | 'badaddress'
  | 'execute'
  | 'divide'
  | 'list'
  | 'usercopy'
  | 'stack'
  | 'bug'
  | 'warning'
  | 'refcount'
  | 'atomic'
  | 'vmalloc'
  | 'trace'
  | 'msr'
  | 'badpmd'
  | 'redzone'
  | 'badpage'
  | 'poison'
  | 'taint'
  | `softlockup ${number}`
  | `rcustall ${number}`
  | `hungtask ${number}`
  | 'panic';

/** Makes the guest's kernel report. Returns when it has; after a panic never. */
export async function provoke(guest: GuestShell, provocation: Provocation): Promise<void> {
  await guest.succeed([
    'sh',
    '-ec',
    'modprobe kernel_reports; echo "$1" > /proc/kernel_reports',
    'sh',
    provocation,
  ]);
}
