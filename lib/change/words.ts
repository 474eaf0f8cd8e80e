import { _PAGE_PRESENT, type BitExpectation, decodeX86Entry, hasBit } from '../paging/index.js';

/** How messages speak of a change's bits. */
export interface BitWords {
  /** `_PAGE_USER` */
  readonly names: string;
  /** `_PAGE_USER (bit 2)` */
  readonly bits: string;
  /** What the driver does to them, and has done: `clears`, `cleared`. */
  readonly does: string;
  readonly did: string;
  /** What they are without the change: `set`. */
  readonly was: string;
  /** `_PAGE_USER (bit 2) clear`, and the contrary. */
  readonly done: string;
  readonly left: string;
  /** `_PAGE_USER (bit 2) is clear`, `… is set`, `… was clear`. */
  readonly isDone: string;
  readonly isLeft: string;
  readonly wasDone: string;
  /** `Only _PAGE_USER may go` */
  readonly only: string;
}

/** @param expected one bit at least */
export function wordsOf({ set = 0n, cleared = 0n }: BitExpectation): BitWords {
  const parts = [
    { mask: cleared, does: 'clears', did: 'cleared', done: 'clear', left: 'set', may: 'go' },
    { mask: set, does: 'sets', did: 'set', done: 'set', left: 'clear', may: 'come' },
  ].filter(({ mask }) => mask !== 0n);
  const [first, second] = parts;
  const of = (say: (part: (typeof parts)[number]) => string): string => parts.map(say).join(' and ');
  const state = (verb: string, of: 'done' | 'left') => (part: (typeof parts)[number]) =>
    `${bitTexts(part.mask)}${verb} ${part[of]}`;
  return {
    names: of(({ mask }) => names(mask)),
    bits: of(({ mask }) => bitTexts(mask)),
    does: second ? 'changes' : (first?.does ?? ''),
    did: second ? 'changed' : (first?.did ?? ''),
    was: second ? 'as it was' : (first?.left ?? ''),
    done: of(state('', 'done')),
    left: of(state('', 'left')),
    isDone: of(state(' is', 'done')),
    isLeft: of(state(' is', 'left')),
    wasDone: of(state(' was', 'done')),
    only: `Only ${of(({ mask, may }) => `${names(mask)} may ${may}`)}`,
  };
}

function names(mask: bigint): string {
  return bitsOf(mask).map(nameOf).join(' and ');
}

function bitTexts(mask: bigint): string {
  return bitsOf(mask)
    .map((position) => `${nameOf(position)} (bit ${position})`)
    .join(' and ');
}

/** The fields of a 4 KiB leaf, for their names. */
const leaf = decodeX86Entry(_PAGE_PRESENT, 1).fields;

/** The name of a flag of a 4 KiB leaf by its position; `bit 9` of one without a name. */
export function nameOf(position: number): string {
  return leaf.find(({ role, low }) => role === 'flag' && low === position)?.name ?? `bit ${position}`;
}

function bitsOf(mask: bigint): number[] {
  return Array.from({ length: 64 }, (_, position) => position).filter((position) => hasBit(mask, position));
}
