import { type BitExpectation } from '../paging/index.js';
import { also, check, listOf, oneOf, optional, shape, text, whole, word } from '../validate/index.js';
import { type LogGrammar, type LogTemplates, logTemplates, parseTemplates } from './log-grammar.js';
import { type BitWords, wordsOf } from './words.js';

/** What an access by the process itself to a changed page comes to. */
export interface AccessEffect {
  readonly access: 'read' | 'write' | 'execute';
  /** `done`, `fault` (a signal), `stalled` (it faults for ever): as `Access` of lib/guest/vfio has them. */
  readonly outcome: 'done' | 'fault' | 'stalled';
  /** Of a fault: the page-fault error code (SDM vol. 3, 4.7). */
  readonly errorCode?: number;
}

/** What a kernel change is told by: see {@link defineChange}. */
export interface ChangeDescription {
  /** In few words: `clear _PAGE_USER`. */
  readonly name: string;
  /** Bits that the leaf entries of DMA-mapped pages have lost when VFIO_IOMMU_MAP_DMA returns. */
  readonly cleared?: bigint;
  /** Bits that they have gained. */
  readonly set?: bigint;
  /** What the kernel logs of each page; a change that says nothing has none. */
  readonly log?: LogTemplates;
  /** What the process's own accesses then come to, in the order in which they are tried. */
  readonly accesses?: readonly AccessEffect[];
  /** What rightly puts the bits back: `a write to a private anonymous page`. Default: nothing does. */
  readonly undoneBy?: string;
  /** What a page is that is as the change leaves it, and one that is not: `closed to user mode`. Default: told by the bits. */
  readonly states?: ChangeStates;
}

export interface ChangeStates {
  readonly done: string;
  readonly left: string;
}

/** A kernel change under test, as a value. */
export interface KernelChange {
  readonly name: string;
  /** A page's leaf entry afterwards. */
  readonly bits: BitExpectation;
  /** All bits that it is about. */
  readonly mask: bigint;
  /** Whether a leaf entry is as the change leaves it. */
  readonly isDone: (raw: bigint) => boolean;
  readonly log: LogGrammar | undefined;
  readonly accesses: readonly AccessEffect[];
  readonly undoneBy: string | undefined;
  readonly words: BitWords;
  readonly states: ChangeStates;
}

const words = text(/\S/, 'some words');
const bits = optional(word(1n, undefined, 'a mask of bits, such as _PAGE_USER,'));
const description = also(
  also(
    shape<ChangeDescription>({
      name: words,
      cleared: bits,
      set: bits,
      log: optional(logTemplates),
      accesses: optional(
        listOf(
          shape<AccessEffect>({
            access: oneOf(['read', 'write', 'execute']),
            outcome: oneOf(['done', 'fault', 'stalled']),
            errorCode: optional(whole(0, 2 ** 32 - 1)),
          }),
        ),
      ),
      undoneBy: optional(words),
      states: optional(shape<ChangeStates>({ done: words, left: words })),
    }),
    ({ cleared, set }) => cleared !== undefined || set !== undefined,
    'changes nothing: give it bits that are cleared, or set',
  ),
  ({ cleared = 0n, set = 0n }) => (cleared & set) === 0n,
  'sets and clears the same bit',
);

/**
 * A kernel change as a value: what it does to the page-table entries of pages that are mapped for DMA, what it says of it, and what comes of
 * it. `toHaveChange` and its like hold a kernel against it.
 *
 * @throws UsageError when it says nothing, contradicts itself, or its log's lines are no templates
 */
export function defineChange(given: ChangeDescription): KernelChange {
  const {
    name,
    cleared,
    set,
    log,
    accesses = [],
    undoneBy,
    states,
  } = check('defineChange', 'change', description, given);
  const expected = { ...(set === undefined ? {} : { set }), ...(cleared === undefined ? {} : { cleared }) };
  const said = wordsOf(expected);
  const change: KernelChange = {
    name,
    bits: expected,
    mask: (cleared ?? 0n) | (set ?? 0n),
    isDone: (raw) => (raw & (cleared ?? 0n)) === 0n && (~raw & (set ?? 0n)) === 0n,
    log: log && parseTemplates(log),
    accesses,
    undoneBy,
    words: said,
    states: states ?? { done: `with ${said.done}`, left: `with ${said.left}` },
  };
  made.add(change);
  return change;
}

const made = new WeakSet<object>();

export function isKernelChange(value: unknown): value is KernelChange {
  return typeof value === 'object' && value !== null && made.has(value);
}
