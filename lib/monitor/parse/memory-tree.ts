import { MonitorParseError } from '../errors.js';
import { contentLines, hex } from './fields.js';

/** One range of a flat view in `info mtree -f`. */
export interface MemoryTreeRange {
  readonly start: bigint;
  /** Last address of the range (inclusive). */
  readonly last: bigint;
  /** `ram`, `rom`, `romd`, `ramd`, `i/o`, …, with `nv-` in front for non-volatile memory. */
  readonly type: string;
  /** The memory region that answers, for example `pc.ram`. */
  readonly region: string;
  /** Where in that region the range starts. */
  readonly offset: bigint;
}

/** One flattened address space, shared by those that see the same (`memory` is the machine's own). */
export interface FlatView {
  readonly addressSpaces: readonly string[];
  readonly ranges: readonly MemoryTreeRange[];
}

const COMMAND = 'info mtree -f';
const RANGE = /^ {2}([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, ([^)]+)\): (.*)$/;

/** Parses `info mtree -f` (QEMU 7.2, softmmu/memory.c, mtree_print_flatview()). @throws MonitorParseError */
export function parseMemoryTree(reply: string): FlatView[] {
  const views: { addressSpaces: string[]; ranges: MemoryTreeRange[] }[] = [];
  for (const line of contentLines(reply)) {
    if (/^FlatView #\d+$/.test(line)) {
      views.push({ addressSpaces: [], ranges: [] });
      continue;
    }
    const view = views.at(-1);
    if (view === undefined) throw new MonitorParseError(COMMAND, 'a line before the first "FlatView"', line);
    const addressSpace = /^ AS "(.*)", root: /.exec(line)?.[1];
    if (addressSpace !== undefined) {
      view.addressSpaces.push(addressSpace);
    } else if (line.startsWith('  ') && line.trim() !== 'No rendered FlatView') {
      view.ranges.push(parseRange(line, view.ranges.at(-1)));
    } else if (!/^ +(Root memory region: |No rendered FlatView)/.test(line)) {
      throw new MonitorParseError(COMMAND, 'a line of an unknown kind', line);
    }
  }
  if (views.length === 0) throw new MonitorParseError(COMMAND, 'there is no flat view in it', reply);
  return views;
}

function parseRange(line: string, previous: MemoryTreeRange | undefined): MemoryTreeRange {
  const [, startDigits, lastDigits, type, rest] = RANGE.exec(line) ?? [];
  if (type === undefined || rest === undefined) throw new MonitorParseError(COMMAND, 'not a range', line);
  const start = hex(startDigits, COMMAND, line);
  const last = hex(lastDigits, COMMAND, line);
  if (last < start || (previous !== undefined && start <= previous.last)) {
    throw new MonitorParseError(COMMAND, 'a range ends before it starts, or overlaps the one before', line);
  }
  // A region's name may hold spaces and @, so the offset is looked for at the end; " KVM" says that KVM maps the range.
  const plain = rest.replace(/ KVM$/, '');
  const offset = / @([0-9a-f]{16})$/.exec(plain);
  return {
    start,
    last,
    type,
    region: offset === null ? plain : plain.slice(0, offset.index),
    offset: offset === null ? 0n : hex(offset[1], COMMAND, line),
  };
}
