import type { VmaAccess } from '../../paging/index.js';

/** One of the sixteen kinds of memory that mmap can be asked for. */
export interface Combination extends VmaAccess {
  /** As /proc/PID/maps shows it: `rw-p`. */
  readonly name: string;
  /** As vfio-map's `alloc` takes it: `rw`, empty for no access. */
  readonly protection: string;
  readonly kind: 'anonymous' | 'shared';
}

/** All sixteen combinations of read, write, execute and shared. */
export const combinations: readonly Combination[] = Array.from({ length: 16 }, (_, bits) => {
  const access = {
    read: (bits & 1) !== 0,
    write: (bits & 2) !== 0,
    execute: (bits & 4) !== 0,
    shared: (bits & 8) !== 0,
  };
  const letter = (has: boolean, name: string, without: string): string => (has ? name : without);
  const letters = (without: string): string =>
    letter(access.read, 'r', without) +
    letter(access.write, 'w', without) +
    letter(access.execute, 'x', without);
  return {
    ...access,
    name: `${letters('-')}${access.shared ? 's' : 'p'}`,
    protection: letters(''),
    kind: access.shared ? 'shared' : 'anonymous',
  };
});
