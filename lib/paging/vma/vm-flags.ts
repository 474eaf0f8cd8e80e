import { hasBit } from '../bits.js';
import { InvalidArgumentError } from '../paging-errors.js';
import { VMA_FLAGS, type VmaFlag } from './flags.js';

/** The VmFlags line of one area in /proc/PID/smaps. */
export interface VmFlags {
  /** The flags, in the order of the line. */
  readonly flags: readonly VmaFlag[];
  /** Their names, for tests: `names.has('VM_SHARED')`. */
  readonly names: ReadonlySet<string>;
  /** Letters that stand for no known flag; `??` is what the kernel prints for a flag that it has no letters for. */
  readonly unknown: readonly string[];
}

const BY_LETTERS = new Map(
  VMA_FLAGS.flatMap((flag) => (flag.letters === undefined ? [] : [[flag.letters, flag]])),
);

/** Parses `rd wr mr mw me ac sd`, with or without the `VmFlags:` in front. Total: what is unknown is listed as such. */
export function parseVmFlags(line: string): VmFlags {
  const words = line
    .replace(/^\s*VmFlags:/, '')
    .split(/\s+/)
    .filter((word) => word !== '');
  const flags: VmaFlag[] = [];
  const unknown: string[] = [];
  for (const word of words) {
    const flag = BY_LETTERS.get(word);
    if (flag === undefined) unknown.push(word);
    else flags.push(flag);
  }
  return { flags, names: new Set(flags.map((flag) => flag.name)), unknown };
}

/** The flags that are set in a `vm_flags` value of the given kernel (`6.1`, `6.12`, `2.6.32`), and the bits left over. */
export function decodeVmFlags(
  raw: bigint,
  kernel: string,
): { readonly flags: readonly VmaFlag[]; readonly otherBits: bigint } {
  const flags: VmaFlag[] = [];
  let otherBits = raw;
  for (const flag of VMA_FLAGS) {
    const bit = vmaFlagBit(flag, kernel);
    if (bit === undefined || !hasBit(raw, bit)) continue;
    flags.push(flag);
    otherBits &= ~(1n << BigInt(bit));
  }
  return { flags, otherBits };
}

/** The value of a set of flags in the given kernel. Throws InvalidArgumentError for a flag that it does not have. */
export function encodeVmFlags(flags: Iterable<VmaFlag>, kernel: string): bigint {
  let raw = 0n;
  for (const flag of flags) {
    const bit = vmaFlagBit(flag, kernel);
    if (bit === undefined) throw new InvalidArgumentError(`Linux ${kernel} has no ${flag.name}.`);
    raw |= 1n << BigInt(bit);
  }
  return raw;
}

/** The bit that a flag has in the given kernel, or undefined if that kernel does not have it. */
export function vmaFlagBit(flag: VmaFlag, kernel: string): number | undefined {
  const wanted = parseVersion(kernel);
  return flag.bits.find(
    ({ since, until }) =>
      compare(parseVersion(since), wanted) <= 0 &&
      // 5.14.7 is still 5.14: only as many parts are compared as the range names.
      (until === undefined || compare(wanted.slice(0, parseVersion(until).length), parseVersion(until)) <= 0),
  )?.bit;
}

function parseVersion(text: string): number[] {
  if (!/^\d+(\.\d+){1,3}/.test(text)) {
    throw new InvalidArgumentError(`"${text}" is no kernel version; write 6.1 or 6.1.192.`);
  }
  return (/^[\d.]+/.exec(text)?.[0] ?? '').split('.').map(Number);
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
