/** What the next sequence number says. */
export type SequenceStep =
  | { readonly kind: 'next' }
  | { readonly kind: 'gap'; readonly lost: number }
  /** Not above the last one: the reader began again, or the guest was restarted. */
  | { readonly kind: 'backwards' };

/** Follows the sequence numbers of /dev/kmsg, which the kernel gives out without a gap. */
export class SequenceTracker {
  #expected: number | undefined;

  /** @param first sequence number of the first record, when the reader is known to begin there */
  constructor(first?: number) {
    this.#expected = first;
  }

  /** The number that must come next, when any is known. */
  get expected(): number | undefined {
    return this.#expected;
  }

  step(seq: number): SequenceStep {
    const expected = this.#expected;
    this.#expected = seq + 1;
    if (expected === undefined || seq === expected) return { kind: 'next' };
    return seq > expected ? { kind: 'gap', lost: seq - expected } : { kind: 'backwards' };
  }
}
