import type { MemoryUnit, Monitor } from '../monitor/index.js';

/**
 * Reads device registers, by the monitor's `xp`: each unit is one access of its own, in order, and the device acts on it as on
 * an access of a guest (a read may clear a status bit). RAM has its own, faster readers.
 *
 * @param address physical
 * @param unit width of an access: 1, 2, 4 or 8 bytes (`b`, `h`, `w`, `g`)
 * @throws MonitorMemoryError nothing answers at an address
 */
export async function readMmio(
  monitor: Monitor,
  address: bigint,
  unit: MemoryUnit,
  count = 1,
): Promise<bigint[]> {
  const size = { b: 1, h: 2, w: 4, g: 8 }[unit];
  const dumps = await monitor.xpBytes(
    Array.from({ length: count }, (_, index) => ({
      address: address + BigInt(index * size),
      unit,
      count: 1,
    })),
  );
  return dumps.map((bytes) => bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n));
}
