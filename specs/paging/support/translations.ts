import type { Monitor } from '../../../lib/monitor/index.js';
import { parseGva2gpa } from '../../../lib/monitor/parse/address.js';
import { mappedRanges, type Scan, type X86Entry } from '../../../lib/paging/index.js';

const batch = 256;

/**
 * At most `count` addresses worth asking about, half of them where stretches of like pages begin and end, or just outside, the others
 * anywhere in pages, spread evenly. (Each costs QEMU's line editor as much as a hundred page walks: it echoes every keystroke.)
 */
export function sampleAddresses(scan: Scan<X86Entry>, count: number): bigint[] {
  const borders = mappedRanges(scan)
    .flatMap(({ start, end }) => [start, end - 1n, start - 1n, end])
    .filter((address) => isCanonical(scan, address));
  const inner = spread(scan.length, count / 2).flatMap((row) => {
    const mapping = scan.at(row);
    return mapping ? [mapping.address + ((BigInt(row) * 0x9e37_79b9n) & (mapping.size - 1n))] : [];
  });
  return [...new Set([...spread(borders.length, count / 2).map((index) => borders[index] ?? 0n), ...inner])];
}

/** Up to `count` numbers below `length`, evenly spread. */
function spread(length: number, count: number): number[] {
  const step = Math.max(1, length / count);
  return Array.from({ length: Math.min(length, Math.floor(count)) }, (_, index) => Math.floor(index * step));
}

function isCanonical({ space }: Scan<X86Entry>, address: bigint): boolean {
  return address >= 0n && address < 1n << 64n && space.format.fullAddress(address, space.levels) === address;
}

/** What QEMU's `gva2gpa` translates each address to: undefined where nothing is mapped. */
export async function gva2gpaOf(
  monitor: Monitor,
  addresses: readonly bigint[],
): Promise<(bigint | undefined)[]> {
  const results: (bigint | undefined)[] = [];
  for (let at = 0; at < addresses.length; at += batch) {
    const commands = addresses.slice(at, at + batch).map((address) => `gva2gpa 0x${address.toString(16)}`);
    results.push(...(await monitor.commands(commands, { timeoutMs: 30_000 })).map(parseGva2gpa));
  }
  return results;
}

/** What the scan translates an address to. */
export function translate(scan: Scan<X86Entry>, address: bigint): bigint | undefined {
  const mapping = scan.find(address);
  return mapping && mapping.physicalAddress + (address - mapping.address);
}
