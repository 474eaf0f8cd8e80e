import { _PAGE_ACCESSED, _PAGE_DIRTY, type Change, hex } from '../../../paging/index.js';
import type { DmaMapping } from '../mapping.js';
import type { GuestBuffer } from '../options.js';
import type { Evidence, Finding } from './evidence.js';

/** The CPU sets them whenever it likes, and the kernel clears the first one when it looks for pages that are not used. */
const accessedDirty = _PAGE_ACCESSED | _PAGE_DIRTY;

/** What changed in the process's address space outside of its mappings, since just before this one was made. */
export function neighbourFindings({ mapping, changes, made }: Evidence): Finding[] {
  const own = made.filter(({ process }) => process === mapping.process);
  // What the process allocated since is news, but not of the driver's making.
  const { allocations } = mapping.process;
  const outside = changes.changes
    .flatMap((change) => partsOutside(change, change.kind === 'mapped' ? [...own, ...allocations] : own))
    .filter(counts);
  if (outside.length === 0) return [];
  const [first] = outside;
  return [
    {
      kind: 'defect',
      title: `The driver changes pages outside of the mapping: ${first === undefined ? '' : describeChange(first, mapping)}.`,
      ...(first === undefined ? {} : { address: first.start }),
      details: outside.slice(0, 8).map((change) => describeChange(change, mapping)),
    },
  ];
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

/** A change without what lies in one of the ranges. */
function partsOutside(change: Part, ranges: readonly GuestBuffer[]): Part[] {
  let parts: Part[] = [change];
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

function counts({ kind, set, cleared, moved, resized, rightsChanged }: Part): boolean {
  return kind !== 'changed' || moved || resized || rightsChanged || ((set | cleared) & ~accessedDirty) !== 0n;
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
