/** What an entry, or all entries of a walk together, permit. Protection keys, CR0.WP, SMEP and SMAP come on top. */
export interface Rights {
  readonly read: boolean;
  readonly write: boolean;
  /** Instruction fetches; in EPT with mode-based execute control those of supervisor-mode addresses only. */
  readonly execute: boolean;
  /** User mode may access at all. Always true in formats without such a bit (EPT, VT-d). */
  readonly user: boolean;
  /** Instruction fetches in user mode. */
  readonly userExecute: boolean;
}

/** `Rights` packed into a byte: scans keep one per mapping, and AND over the levels of a walk is one instruction. */
export const READ = 1;
const WRITE = 2;
export const EXECUTE = 4;
export const USER = 8;
export const USER_EXECUTE = 16;
export const ALL_RIGHTS = READ | WRITE | EXECUTE | USER | USER_EXECUTE;

/** Unpacks a byte of rights. */
export function rightsFromBits(packed: number): Rights {
  return {
    read: (packed & READ) !== 0,
    write: (packed & WRITE) !== 0,
    execute: (packed & EXECUTE) !== 0,
    user: (packed & USER) !== 0,
    userExecute: (packed & (USER | USER_EXECUTE)) === (USER | USER_EXECUTE),
  };
}

/** `rwxu`, with `-` for what is not permitted: the short form of messages and tables. */
export function rightsText(rights: Rights): string {
  return [
    rights.read ? 'r' : '-',
    rights.write ? 'w' : '-',
    rights.execute ? 'x' : '-',
    rights.user ? 'u' : '-',
  ].join('');
}
