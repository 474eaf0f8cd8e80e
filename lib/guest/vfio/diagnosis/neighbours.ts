import type { KernelChange } from '../../../change/index.js';
import {
  _PAGE_PRESENT,
  _PAGE_USER,
  type Change,
  hex,
  isRightWhilePinning,
  type ScanDiff,
} from '../../../paging/index.js';
import type { DmaMapping } from '../mapping.js';
import { withoutRanges } from '../ranges.js';
import type { Evidence, Finding } from './evidence.js';

const hugeSize = 2n << 20n;

/**
 * What a driver changed in the process's address space outside of its mappings: whatever was changed while this one was made and is not
 * of the kernel's own making, and what lost `_PAGE_USER` since, by a change that takes it. Other changes since then may be the process's.
 */
export function neighbourFindings({ mapping, change, changes, changesSince, made }: Evidence): Finding[] {
  const outside = [
    ...changes.changes
      .flatMap((each) => withoutRanges(each, [mapping]))
      .filter((part) => !isRight(part, mapping) && !isMoment(part, mapping, changesSince, made)),
    ...changesSince.changes
      .flatMap((each) =>
        withoutRanges(
          each,
          made.filter(({ process }) => process === mapping.process),
        ),
      )
      .filter((part) => wasClosed(part, change)),
  ];
  const [first] = outside;
  if (first === undefined) return [];
  return [
    {
      kind: 'defect',
      title: `The driver changes pages outside of the mapping: ${describeChange(first, mapping)}.`,
      address: first.start,
      details: outside.slice(0, 8).map((part) => describeChange(part, mapping)),
    },
  ];
}

/** Pages of other processes that lost `_PAGE_USER` while the mapping was made, and were not mapped by these themselves. */
export function otherProcessFindings({ mapping, change, othersChanges, made }: Evidence): Finding[] {
  return [...othersChanges].flatMap(([process, { changes }]): Finding | [] => {
    const own = made.filter((each) => each.process === process);
    const parts = changes
      .flatMap((each) => withoutRanges(each, own))
      .filter((part) => wasClosed(part, change));
    const [first] = parts;
    if (first === undefined) return [];
    return {
      kind: 'defect',
      title: `The driver changes pages of another process, pid ${process.pid}, which maps nothing: ${describeChange(first, mapping)}.`,
      details: parts.slice(0, 8).map((part) => describeChange(part, mapping)),
    };
  });
}

type Part = Pick<
  Change,
  | 'kind'
  | 'start'
  | 'end'
  | 'set'
  | 'cleared'
  | 'names'
  | 'moved'
  | 'resized'
  | 'rightsChanged'
  | 'before'
  | 'after'
>;

/**
 * The process itself may fault pages in and have copies made meanwhile, and the kernel moves pages. It unmaps none in between but the
 * rest of a huge page of a file, of which a part was split off.
 */
function isRight(part: Part, mapping: DmaMapping): boolean {
  if (part.kind !== 'unmapped') return isRightWhilePinning(part);
  const isNear =
    part.start >= (mapping.address / hugeSize) * hugeSize &&
    part.end < mapping.address + mapping.size + hugeSize;
  return isNear && part.before?.level === 2;
}

/**
 * An entry that a kernel changes, as KSM does, is empty for a moment. Where it was so in the second look, it is there again now; where it was so
 * in the first, an earlier mapping may have closed it.
 */
function isMoment(
  { kind, start, end }: Part,
  { process }: DmaMapping,
  { changes }: ScanDiff,
  made: readonly DmaMapping[],
): boolean {
  if (kind === 'unmapped')
    return changes.some((since) => since.kind === 'mapped' && since.start <= start && since.end >= end);
  return (
    kind === 'mapped' &&
    made.some((own) => own.process === process && own.address <= start && own.address + own.size >= end)
  );
}

/** A page that is there still and lost `_PAGE_USER`, in its own entry or in one above: nothing else in the kernel does that. */
function wasClosed(
  { kind, cleared, set, moved, resized, rightsChanged, after }: Part,
  { bits }: KernelChange,
): boolean {
  if (((bits.cleared ?? 0n) & _PAGE_USER) === 0n) return false;
  if (kind !== 'changed' || ((after?.raw ?? 0n) & _PAGE_PRESENT) === 0n) return false;
  return (cleared & _PAGE_USER) !== 0n || (rightsChanged && !moved && !resized && (set | cleared) === 0n);
}

function describeChange(part: Part, mapping: DmaMapping): string {
  const pages = Number((part.end - part.start) / 4096n);
  const end = mapping.address + mapping.size;
  const place =
    part.start === end
      ? ', right behind the mapping'
      : part.end === mapping.address
        ? ', right before the mapping'
        : '';
  const what = [
    ...part.names,
    ...(part.moved ? ['another frame'] : []),
    ...(part.resized ? ['another page size'] : []),
    ...(part.rightsChanged && part.names.length === 0
      ? ['an entry of a level above changed what they permit']
      : []),
  ].join(' ');
  const sides = `${side(part.before?.raw)} → ${side(part.after?.raw)}`;
  const did = part.kind === 'changed' ? what : `${part.kind} now`;
  return `${pages} page${pages === 1 ? '' : 's'} at ${hex(part.start)}${place}: ${did} (${sides})`;
}

function side(raw: bigint | undefined): string {
  return raw === undefined ? 'nothing' : hex(raw);
}
