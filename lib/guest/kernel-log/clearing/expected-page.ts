import type { PinOptions } from '../../../paging/index.js';

/** A page that was mapped once, and what memory held, where it was read. */
export interface ExpectedPage {
  /** Aligned to 4 KiB. */
  readonly address: bigint;
  /** The leaf before the mapping, read from outside. */
  readonly before?: bigint | undefined;
  /** The leaf after the mapping, read from outside. */
  readonly after?: bigint | undefined;
  /** How it was pinned, which may change its entry before it is cleared. Default: for writing. */
  readonly pin?: PinOptions;
}

/** `count` pages of 4 KiB from `start` on. */
export function pagesFrom(start: bigint, count: number): ExpectedPage[] {
  return Array.from({ length: count }, (_, index) => ({ address: start + BigInt(index) * 0x1000n }));
}
