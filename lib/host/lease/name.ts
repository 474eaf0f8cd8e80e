import { createHash } from 'node:crypto';

/** Whose name it is: the user's own (a cache folder), or one for all users of the machine (a TCP port). */
export type LeaseScope = 'user' | 'machine';

/** `sun_path` holds 108 bytes; the leading NUL of an abstract name is one of them (unix(7)). */
const longestName = 107;

/**
 * The abstract unix socket that stands for a lease. Such a socket has no file: its name exists as long as a process has it
 * bound, within one network namespace, so the kernel frees it however the process ends, SIGKILL included (unix(7)).
 */
export function leaseAddress(name: string, scope: LeaseScope): string {
  const owner = scope === 'user' ? `uid-${process.getuid?.() ?? 'none'}` : 'machine';
  const address = `\0opentdx-e2e/${owner}/${name}`;
  if (Buffer.byteLength(address) <= longestName) return address;
  // A name that was cut off could be another lease's name: take its digest instead.
  return `\0opentdx-e2e/${owner}/sha256-${createHash('sha256').update(name).digest('hex').slice(0, 40)}`;
}
