interface Stretch {
  readonly start: bigint;
  /** First address after it. */
  readonly end: bigint;
}

/** What is left of a stretch of addresses without those that lie in one of the ranges. */
export function withoutRanges<T extends Stretch>(
  stretch: T,
  ranges: readonly { readonly address: bigint; readonly size: bigint }[],
): T[] {
  let parts: T[] = [stretch];
  for (const { address, size } of ranges) {
    const end = address + size;
    parts = parts.flatMap((part) => {
      if (part.end <= address || part.start >= end) return [part];
      return [
        ...(part.start < address ? [{ ...part, end: address }] : []),
        ...(part.end > end ? [{ ...part, start: end }] : []),
      ];
    });
  }
  return parts;
}
