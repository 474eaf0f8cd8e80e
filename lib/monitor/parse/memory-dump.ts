import { hexOf } from '../command-line.js';
import { MonitorMemoryError, MonitorParseError } from '../errors.js';
import { contentLines } from './fields.js';

/** Unit sizes of `x` and `xp`: byte, halfword, word, giant. */
export type MemoryUnit = 'b' | 'h' | 'w' | 'g';

const UNIT_BYTES: Readonly<Record<MemoryUnit, number>> = { b: 1, h: 2, w: 4, g: 8 };

/** What was asked for, so that the answer can be checked against it. */
export interface MemoryRequest {
  /** Address of the first unit. */
  readonly address: bigint;
  readonly unit: MemoryUnit;
  /** Number of units. */
  readonly count: number;
}

/** The command that prints what is asked for. @throws RangeError */
export function dumpCommand(kind: 'x' | 'xp', { address, unit, count }: MemoryRequest): string {
  if (!Number.isSafeInteger(count) || count < 1)
    throw new RangeError(`Not a number of units: ${String(count)}`);
  return `${kind} /${String(count)}x${unit} ${hexOf(address)}`;
}

/**
 * Parses a hexadecimal dump, lines of `0000000000001000: 0x… 0x…` (a failed `xp` has no blank behind the colon), into the bytes that the guest has (little-endian units).
 * Each line's address and the number of units are checked: a line that is missing, doubled or out of order is an error.
 *
 * @throws MonitorMemoryError for a line that says `Cannot access memory`
 * @throws MonitorParseError for all else that is not the dump asked for
 */
export function parseMemoryDump(reply: string, request: MemoryRequest, command: string): Uint8Array {
  const size = UNIT_BYTES[request.unit];
  const bytes = new Uint8Array(request.count * size);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const line of contentLines(reply)) {
    const colon = line.indexOf(':');
    const address = colon < 0 ? undefined : lineAddress(line.slice(0, colon));
    if (address === undefined) throw new MonitorParseError(command, 'a line has no address', line);
    if (address !== BigInt.asUintN(64, request.address + BigInt(offset))) {
      throw new MonitorParseError(command, 'a line has not the address that is its turn', line);
    }
    const content = line.slice(colon + 1).trim();
    if (content === 'Cannot access memory') throw new MonitorMemoryError(command, address);
    for (const unit of content.split(' ')) {
      if (unit.length !== 2 + 2 * size || !/^0x[0-9a-f]+$/.test(unit)) {
        throw new MonitorParseError(command, `not a unit of ${String(size)} bytes`, line);
      }
      if (offset >= bytes.length)
        throw new MonitorParseError(command, 'more was printed than asked for', line);
      setUnit(view, offset, size, unit);
      offset += size;
    }
  }
  if (offset !== bytes.length) {
    throw new MonitorParseError(command, `${String(offset)} of ${String(bytes.length)} bytes came`, reply);
  }
  return bytes;
}

function lineAddress(digits: string): bigint | undefined {
  return /^[0-9a-f]{8,16}$/.test(digits) ? BigInt(`0x${digits}`) : undefined;
}

function setUnit(view: DataView, offset: number, size: number, unit: string): void {
  if (size === 8) {
    // Two halves as numbers: several times faster than a BigInt per unit.
    view.setUint32(offset + 4, Number.parseInt(unit.slice(2, 10), 16), true);
    view.setUint32(offset, Number.parseInt(unit.slice(10), 16), true);
  } else if (size === 4) {
    view.setUint32(offset, Number.parseInt(unit, 16), true);
  } else if (size === 2) {
    view.setUint16(offset, Number.parseInt(unit, 16), true);
  } else {
    view.setUint8(offset, Number.parseInt(unit, 16));
  }
}

/** The units in a dump's bytes, as values. */
export function unitsOf(bytes: Uint8Array, unit: MemoryUnit): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = UNIT_BYTES[unit];
  return Array.from({ length: bytes.length / size }, (_, index) => {
    const offset = index * size;
    if (size === 8) return view.getBigUint64(offset, true);
    if (size === 4) return BigInt(view.getUint32(offset, true));
    return BigInt(size === 2 ? view.getUint16(offset, true) : view.getUint8(offset));
  });
}
