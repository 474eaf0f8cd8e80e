import { InfrastructureError } from '../../errors.js';

/** Why `/proc/verify_pte` answered with no entry. */
export type VerifyPteFailure =
  'noQuery' | 'malformed' | 'noProcess' | 'noAddressSpace' | 'notUserAddress' | 'notMapped' | 'other';

/** By the words of the module's `Error:` lines. */
const failures: readonly (readonly [RegExp, VerifyPteFailure])[] = [
  [/^No address was written/, 'noQuery'],
  [/^Invalid (input|address|format)/i, 'malformed'],
  [/^There is no process|find (task|process)/i, 'noProcess'],
  [/has no address space/, 'noAddressSpace'],
  [/not a user address/, 'notUserAddress'],
  [/^Could not get PTE/, 'notMapped'],
];

const remedies: Readonly<Record<VerifyPteFailure, string>> = {
  noQuery: 'Write an address first.',
  malformed: 'Write ADDR or PID:ADDR, the address in hexadecimal, the process in decimal.',
  noProcess: 'Name a process that is alive: it may have ended.',
  noAddressSpace: 'Name a process of user mode: kernel threads and zombies have no page tables of their own.',
  notUserAddress: 'Name an address of the lower half, which is where a process has its memory.',
  notMapped:
    "Name an address that this process has mapped and touched: a page that was never touched has no entry, and another process's address says nothing here.",
  other: 'See the guest module and its version.',
};

/** The guest's kernel has no entry to show for the query. A statement about the guest, not a failure of the harness. */
export class VerifyPteError extends Error {
  override readonly name = 'VerifyPteError';
  readonly failure: VerifyPteFailure;

  /** @param said the text behind `Error: ` */
  constructor(query: string, said: string) {
    const failure = failures.find(([words]) => words.test(said))?.[1] ?? 'other';
    super(`verify_pte ${query}: ${said}. ${remedies[failure]}`);
    this.failure = failure;
  }
}

/** `/proc/verify_pte` cannot be used at all, or answered with something that is no answer. */
export class VerifyPteUnavailableError extends InfrastructureError {
  override readonly name = 'VerifyPteUnavailableError';
}
