import { ALL_BITS, bits, hex } from './bits.js';

/** What a field holds: one flag, a number, an address, or bits that hardware ignores or demands to be zero. */
export type FieldRole = 'flag' | 'value' | 'address' | 'ignored' | 'reserved';

/** One named part of a 64-bit value. */
export interface BitField {
  /** The kernel's or the manual's own name: `_PAGE_USER`, `EPTP memory type`. */
  readonly name: string;
  readonly low: number;
  readonly high: number;
  readonly role: FieldRole;
  /** One phrase: what the field means when set. */
  readonly meaning: string;
}

/** All fields of a 64-bit value from bit 0 to bit 63: no gap, no overlap. */
export type Layout = readonly BitField[];

/** A value that a decoder of this library made: the raw bits and the names of their parts go with the typed properties. */
export interface Decoded {
  readonly type: string;
  readonly raw: bigint;
  readonly fields: Layout;
}

/** The bits of one field, in place. */
export function fieldMask(field: BitField): bigint {
  return bits(field.high, field.low);
}

/** The value of one field, shifted down to bit 0. */
export function fieldValue(field: BitField, raw: bigint): bigint {
  return (raw & fieldMask(field)) >> BigInt(field.low);
}

/** The names of the fields of which `mask` touches a bit, lowest first: a difference (`old ^ new`) by name. */
export function fieldNames(layout: Layout, mask: bigint): string[] {
  return layout.filter((field) => (fieldMask(field) & mask) !== 0n).map((field) => field.name);
}

/** The field's bits as the manuals write them: `7`, `51:12`. */
export function bitRange(field: BitField): string {
  return field.high === field.low ? String(field.low) : `${field.high}:${field.low}`;
}

/** One line per field that is not zero: bits, name, value, meaning. */
export function fieldLines(layout: Layout, raw: bigint): string[] {
  return layout
    .filter((field) => (raw & fieldMask(field)) !== 0n)
    .map((field) => {
      const value = field.role === 'address' ? raw & fieldMask(field) : fieldValue(field, raw);
      return `  ${bitRange(field).padStart(5)}  ${field.name} = ${field.role === 'flag' ? '1' : hex(value)}: ${field.meaning}`;
    });
}

/**
 * Builds a layout from the fields that a format names, and fills every gap with a field of role 'ignored'.
 * `parts` may come in any order; on overlap the earlier part wins (a bit can have one name only).
 */
export function layout(parts: readonly BitField[], gap = 'ignored'): Layout {
  const fields: BitField[] = [];
  let unclaimed = ALL_BITS;
  for (const part of parts) {
    for (const [high, low] of runs(fieldMask(part) & unclaimed)) fields.push({ ...part, high, low });
    unclaimed &= ~fieldMask(part);
  }
  for (const [high, low] of runs(unclaimed)) {
    fields.push({ name: gap, high, low, role: 'ignored', meaning: 'no meaning to hardware' });
  }
  return fields.sort((a, b) => a.low - b.low);
}

/** A one-bit field. */
export function flag(position: number, name: string, meaning: string): BitField {
  return { name, low: position, high: position, role: 'flag', meaning };
}

/** A field that holds a number, or another role. */
export function part(
  high: number,
  low: number,
  name: string,
  meaning: string,
  role: FieldRole = 'value',
): BitField {
  return { name, low, high, role, meaning };
}

/** One reserved field for each run of bits in `mask`. */
export function reserved(mask: bigint): BitField[] {
  return runs(mask).map(([high, low]) => part(high, low, 'reserved', 'must be zero', 'reserved'));
}

/** The runs of set bits in `mask`, lowest first, as [high, low]. */
export function runs(mask: bigint): [number, number][] {
  const found: [number, number][] = [];
  let low = -1;
  for (let position = 0; position <= 64; position += 1) {
    const set = position < 64 && ((mask >> BigInt(position)) & 1n) === 1n;
    if (set && low < 0) low = position;
    if (!set && low >= 0) {
      found.push([position - 1, low]);
      low = -1;
    }
  }
  return found;
}

const layouts = new Map<string, Layout>();
const MAX_LAYOUTS = 1_000;

/**
 * The layout that `make` builds, kept under `key` so that decoding an entry does not build it anew. There are a few dozen
 * in practice; the bound is for callers that try every option.
 */
export function cachedLayout(key: string, make: () => Layout): Layout {
  const found = layouts.get(key);
  if (found !== undefined) return found;
  if (layouts.size >= MAX_LAYOUTS) layouts.clear();
  const made = make();
  layouts.set(key, made);
  return made;
}
