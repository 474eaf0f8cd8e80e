import { readFile } from 'node:fs/promises';

/** Inclusive on both sides. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Below are the ports of well-known services, and open-tdx's own defaults (1234, 10032), which a person may be using. */
const lowest = 10_200;
const highest = 65_535;
/** Enough for some hundreds of machines at once. */
const worthwhile = 4_000;

/**
 * Where ports are looked for: outside the range from which the kernel takes the local ports of outgoing connections
 * (ip_local_port_range, ip(7)), as one of those could sit on a port between its allocation and its use. Where an
 * administrator has widened that range until nothing worthwhile is left, everything above the well-known ports.
 */
export function rangeBeside(ephemeral: PortRange): PortRange {
  const below = { first: lowest, last: Math.min(ephemeral.first - 1, highest) };
  const above = { first: Math.max(ephemeral.last + 1, lowest), last: highest };
  const wider = size(below) >= size(above) ? below : above;
  return size(wider) >= worthwhile ? wider : { first: lowest, last: highest };
}

function size({ first, last }: PortRange): number {
  return last - first + 1;
}

/** The kernel's range for outgoing connections in this network namespace. */
export async function ephemeralRange(): Promise<PortRange> {
  const [first, last] = (await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'))
    .trim()
    .split(/\s+/);
  return { first: Number(first), last: Number(last) };
}
