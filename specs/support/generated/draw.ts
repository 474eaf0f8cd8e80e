import fc from 'fast-check';

import { type Kind, kinds } from './steps.js';

/** Where a mapping is to lie, beside a boundary of the IOMMU's tables: all of it behind, before, or across it. */
export interface Place {
  readonly boundary: bigint;
  readonly side: 'behind' | 'before' | 'across';
}

/** A step as it is drawn: numbers choose among what there is when its turn comes. */
export type Drawn =
  | { readonly do: 'alloc'; readonly kind: Kind; readonly pages: number }
  | { readonly do: 'fork' }
  | {
      readonly do: 'map';
      /** The first process, a child with memory of its own, or a child with memory that it inherited. */
      readonly by: 'parent' | 'child' | 'heir';
      readonly thread: boolean;
      readonly buffer: number;
      /** Thousandths of the buffer at which the part begins, and that it is long; undefined: the whole buffer. */
      readonly part: readonly [number, number] | undefined;
      readonly place: Place;
      readonly write: boolean;
    }
  | { readonly do: 'unmap'; readonly mapping: number };

const MiB = 1n << 20n;
const GiB = 1n << 30n;
/** What an entry of each level of the IOMMU's tables covers, once and more often, and where 32 bits end. */
const boundaries = [MiB, 2n * MiB, 64n * MiB, GiB, 4n * GiB, 7n * GiB, 256n * GiB, 512n * GiB];

const any = fc.nat({ max: 999 });
const pages = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 1, max: 9 }) },
  { weight: 6, arbitrary: fc.integer({ min: 10, max: 64 }) },
  { weight: 1, arbitrary: fc.constantFrom(511, 512, 513, 600) },
  { weight: 1, arbitrary: fc.integer({ min: 65, max: 2_000 }) },
);
/** Huge pages are many small ones, whose lines in the log take their time. */
const kind: fc.Arbitrary<Kind> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.constantFrom(...kinds.filter((each) => each !== 'split' && each !== 'hugetlb')),
  },
  { weight: 2, arbitrary: fc.constantFrom('split' as const, 'hugetlb' as const) },
);
const usually = fc.nat({ max: 3 }).map((drawn) => drawn > 0);

const step: fc.Arbitrary<Drawn> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('alloc' as const), kind, pages }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fork' as const) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('map' as const),
      by: fc.constantFrom('parent' as const, 'parent' as const, 'child' as const, 'heir' as const),
      thread: usually.map((isMain) => !isMain),
      buffer: any,
      part: fc.option(fc.tuple(any, any), { nil: undefined }),
      place: fc.record({
        boundary: fc.constantFrom(...boundaries),
        side: fc.constantFrom('behind' as const, 'before' as const, 'across' as const),
      }),
      write: usually,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unmap' as const), mapping: any }) },
);

/** The sequence of a seed: the same for the same seed. */
export function drawSequence(seed: number): Drawn[] {
  const sequence = fc.array(step, { minLength: 30, maxLength: 90, size: 'max' });
  return fc.sample(sequence, { seed, numRuns: 1 })[0] ?? [];
}
