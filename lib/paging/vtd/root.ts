import { bits, field, hasBit } from '../bits.js';
import { flag, layout, part, type Decoded, type Layout } from '../bit-field.js';
import { assertRaw } from '../raw.js';

/** How an IOMMU finds its tables (VT-d specification, RTADDR_REG bits 11:10, translation table mode). */
export type TranslationTableMode = 'legacy' | 'scalable' | 'reserved' | 'abort-dma';

const MODES: readonly TranslationTableMode[] = ['legacy', 'scalable', 'reserved', 'abort-dma'];

/** A decoded root table address register (offset 0x20 of the remapping hardware's registers). */
export interface RootTableAddress extends Decoded {
  readonly type: 'rtaddr';
  /** Physical address of the root table: 256 entries of 16 bytes. */
  readonly table: bigint;
  readonly mode: TranslationTableMode;
  readonly otherBits: bigint;
}

const RTADDR_FIELDS = layout([
  part(63, 12, 'RTA', 'physical address of the root table', 'address'),
  part(11, 10, 'TTM', 'translation table mode: 0 legacy, 1 scalable, 3 abort DMA'),
]);

/** Decodes RTADDR_REG. */
export function decodeRootTableAddress(raw: bigint): RootTableAddress {
  assertRaw(raw, 'RTADDR_REG');
  return {
    type: 'rtaddr',
    raw,
    fields: RTADDR_FIELDS,
    table: raw & bits(63, 12),
    mode: MODES[field(raw, 11, 10)] ?? 'reserved',
    otherBits: raw & bits(9, 0),
  };
}

/** Composes RTADDR_REG from its properties. */
export function encodeRootTableAddress(value: RootTableAddress): bigint {
  return value.table | (BigInt(MODES.indexOf(value.mode)) << 10n) | value.otherBits;
}

/** A decoded root entry of legacy mode: 16 bytes per bus. The upper 8 bytes are reserved. */
export interface RootEntry extends Decoded {
  readonly type: 'vtd-root';
  readonly present: boolean;
  /** Physical address of the bus's context table: 256 entries of 16 bytes. */
  readonly contextTable: bigint;
  /** Bits 11:1, which are reserved. */
  readonly otherBits: bigint;
  /** Bits 127:64, which are reserved. */
  readonly high: bigint;
}

const ROOT_FIELDS: Layout = layout(
  [
    flag(0, 'P', 'the bus has a context table'),
    part(63, 12, 'CTP', 'physical address of the context table', 'address'),
  ],
  'reserved',
);

/** Decodes a root entry from its two halves. */
export function decodeRootEntry(low: bigint, high: bigint): RootEntry {
  assertRaw(low, 'root entry');
  assertRaw(high, 'root entry');
  return {
    type: 'vtd-root',
    raw: low,
    fields: ROOT_FIELDS,
    present: hasBit(low, 0),
    contextTable: low & bits(63, 12),
    otherBits: low & bits(11, 1),
    high,
  };
}

/** Composes the two halves of a root entry. */
export function encodeRootEntry(entry: RootEntry): { low: bigint; high: bigint } {
  return { low: (entry.present ? 1n : 0n) | entry.contextTable | entry.otherBits, high: entry.high };
}
