import type { SourceId } from '../../paging/index.js';

const shape = /^([0-9a-f]{4}):([0-9a-f]{2}):([01][0-9a-f])\.([0-7])$/;

/**
 * The PCI function of a guest's device, as its DMA requests name it.
 *
 * @param address `DDDD:BB:SS.F`; the domain has no part in a request
 * @throws TypeError for anything else
 */
export function sourceOf(address: string): SourceId {
  const [, , bus, device, fn] = shape.exec(address) ?? [];
  if (bus === undefined || device === undefined || fn === undefined) {
    throw new TypeError(`'${address}' is no PCI address: it must look like 0000:00:05.0 (lower case).`);
  }
  return { bus: Number.parseInt(bus, 16), device: Number.parseInt(device, 16), function: Number(fn) };
}
