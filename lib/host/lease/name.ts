import { createHash } from 'node:crypto';

/** Whose name it is: the user's own (a cache folder), or one for all users of the machine (a TCP port). */
export type LeaseScope = 'user' | 'machine';

/** `sun_path` holds 108 bytes; the leading NUL of an abstract name is one of them (unix(7)). */
const size = 108;

/**
 * The abstract unix socket that stands for a lease. Such a socket has no file: its name exists as long as a process has it
 * bound, within one network namespace, so the kernel frees it however the process ends, SIGKILL included (unix(7)).
 *
 * It is as long as a name can be, with NULs at its end: Node 20 fills a shorter one up, Node 22 and 24 do not, and to the kernel these are two
 * names. Runs under several versions of Node would not see each other, and take each other for dead.
 */
export function leaseAddress(name: string, scope: LeaseScope): string {
  const owner = scope === 'user' ? `uid-${process.getuid?.() ?? 'none'}` : 'machine';
  const address = `\0opentdx-e2e/${owner}/${name}`;
  if (Buffer.byteLength(address) < size) return filled(address);
  // A name that was cut off could be another lease's name: take its digest instead.
  return filled(
    `\0opentdx-e2e/${owner}/sha256-${createHash('sha256').update(name).digest('hex').slice(0, 40)}`,
  );
}

function filled(address: string): string {
  return address + '\0'.repeat(size - Buffer.byteLength(address));
}
