import { MonitorParseError } from '../errors.js';
import { contentLines, hex } from './fields.js';

/** One page in `info tlb`: the leaf's own bits, not those of the tables above it. */
export interface TlbEntry {
  readonly virtualAddress: bigint;
  /** Bits 50 and 51 are missing in what QEMU prints (7.2, target/i386/monitor.c, print_pte()). */
  readonly physicalAddress: bigint;
  /** `X`: XD is **set**. */
  readonly noExecute: boolean;
  readonly global: boolean;
  /** `P`: bit 7 is set, which is page size in a large leaf and PAT in a 4 KiB PTE. */
  readonly bit7: boolean;
  readonly dirty: boolean;
  readonly accessed: boolean;
  readonly cacheDisable: boolean;
  readonly writeThrough: boolean;
  readonly user: boolean;
  readonly writable: boolean;
}

/** One run of pages with the same rights in `info mem` (which knows no NX, and prints nothing sensible with LA57). */
export interface MappedRange {
  readonly start: bigint;
  /** First address behind the range. 2^48 (or 2^57) for a range that reaches to the top. */
  readonly end: bigint;
  readonly user: boolean;
  readonly readable: boolean;
  readonly writable: boolean;
}

/** `entries` of the address space of the selected vCPU; none and `pagingEnabled: false` while CR0.PG is 0. */
export interface Mappings<Entry> {
  readonly pagingEnabled: boolean;
  readonly entries: readonly Entry[];
}

/** Parses `info tlb`. @throws MonitorParseError */
export function parseTlb(reply: string): Mappings<TlbEntry> {
  return parseMappings(reply, 'info tlb', (line) => {
    const [, virtualAddress, physicalAddress, flags] =
      /^([0-9a-f]{8,16}): ([0-9a-f]{8,16}) ([X-][G-][P-][D-][A-][C-][T-][U-][W-])$/.exec(line) ?? [];
    if (flags === undefined) throw new MonitorParseError('info tlb', 'not a line about a page', line);
    const has = (flag: string): boolean => flags.includes(flag);
    return {
      virtualAddress: hex(virtualAddress, 'info tlb', line),
      physicalAddress: hex(physicalAddress, 'info tlb', line),
      noExecute: has('X'),
      global: has('G'),
      bit7: has('P'),
      dirty: has('D'),
      accessed: has('A'),
      cacheDisable: has('C'),
      writeThrough: has('T'),
      user: has('U'),
      writable: has('W'),
    };
  });
}

/** Parses `info mem`. @throws MonitorParseError */
export function parseMem(reply: string): Mappings<MappedRange> {
  return parseMappings(reply, 'info mem', (line) => {
    const [, startDigits, endDigits, lengthDigits, flags] =
      /^([0-9a-f]{8,16})-([0-9a-f]{8,16}) ([0-9a-f]{8,16}) ([u-]r[w-])$/.exec(line) ?? [];
    if (flags === undefined) throw new MonitorParseError('info mem', 'not a line about a range', line);
    const start = hex(startDigits, 'info mem', line);
    const end = hex(endDigits, 'info mem', line);
    if (!spans(start, end, hex(lengthDigits, 'info mem', line))) {
      throw new MonitorParseError('info mem', 'start, end and length disagree', line);
    }
    return { start, end, user: flags.startsWith('u'), readable: true, writable: flags.endsWith('w') };
  });
}

/**
 * Whether a range has the length printed. QEMU sign-extends all three numbers, the length too, from the topmost translated bit; an end
 * that has just passed it stays 2^48 or 2^57 (target/i386/monitor.c, mem_print() and addr_canonical(), 5.2 to 11).
 */
function spans(start: bigint, end: bigint, length: bigint): boolean {
  return [48, 57].some((bits) => {
    const translated = (value: bigint): bigint =>
      value === 1n << BigInt(bits) ? value : BigInt.asUintN(bits, value);
    return translated(end) - translated(start) === translated(length);
  });
}

function parseMappings<Entry>(
  reply: string,
  command: string,
  parse: (line: string) => Entry,
): Mappings<Entry> {
  if (reply.trim() === 'PG disabled') return { pagingEnabled: false, entries: [] };
  const entries = contentLines(reply).map(parse);
  if (entries.length === 0 && reply.trim() !== '') throw new MonitorParseError(command, 'no entry', reply);
  return { pagingEnabled: true, entries };
}
