import { highHalf, lowHalf } from './bits.js';
import type { EntryKind, FormatName, TableEntry } from './entry.js';
import type { Depth, Level } from './level.js';

/** How entries at one level of one format are told apart. Masks are 64-bit values, as the manuals give them. */
export interface LevelRules {
  /** The entry is present if any of these bits is set. All lie in bits 31:0. */
  readonly present: bigint;
  /** 'always' at level 1, 'never' where no large page exists, else bit 7 decides. */
  readonly leaf: 'always' | 'never' | 'bit-7';
  readonly tableReserved: bigint;
  readonly leafReserved: bigint;
  readonly tableAddress: bigint;
  readonly leafAddress: bigint;
  /**
   * Values of bits 5:0 that are forbidden, as a set: bit n stands for value n. Only EPT has such (KVM keeps the same
   * set as `bad_mt_xwr`).
   */
  readonly tableForbidden: bigint;
  readonly leafForbidden: bigint;
}

/**
 * One table format. The walk, scan and diff engines know formats only through this: how to tell entries apart, what
 * they permit, and how to decode one for people to read.
 */
export interface EntryFormat<E extends TableEntry = TableEntry> {
  readonly name: FormatName;
  rules(level: Level): LevelRules;
  /** The rights (packed, see rights.ts) of a present entry, given as two 32-bit halves. */
  rights(low: number, high: number): number;
  decode(raw: bigint, level: Level): E;
  /** What the kernel keeps in an entry of a process's that is not present, in words; undefined where it keeps nothing. */
  absence?(raw: bigint, level: Level): string | undefined;
  /** Throws if `address` is none that tables of this depth translate (non-canonical, too wide). */
  checkAddress(address: bigint, levels: Depth): void;
  /** The full form of an address that tables of this depth translate: sign-extended where the format does so. */
  fullAddress(address: bigint, levels: Depth): bigint;
}

/** A tree of tables: its format, and where it begins. */
export interface AddressSpace<E extends TableEntry = TableEntry> {
  readonly format: EntryFormat<E>;
  /** Physical address of the top table. */
  readonly root: bigint;
  readonly levels: Depth;
}

/** `LevelRules` cut into 32-bit halves, so that scans need no bigint per entry. */
export interface CompiledRules {
  readonly present: number;
  /** Bits that make it a leaf: 0x80, or 0 if no bit decides. */
  readonly leafBit: number;
  readonly alwaysLeaf: boolean;
  readonly table: CompiledShape;
  readonly leaf: CompiledShape;
}

interface CompiledShape {
  readonly reservedLow: number;
  readonly reservedHigh: number;
  readonly addressLow: number;
  readonly addressHigh: number;
  /** One cell for each value of bits 5:0: 1 if forbidden. */
  readonly forbidden: Uint8Array;
}

/** Cuts rules into halves. */
export function compileRules(rules: LevelRules): CompiledRules {
  return {
    present: lowHalf(rules.present),
    leafBit: rules.leaf === 'bit-7' ? 0x80 : 0,
    alwaysLeaf: rules.leaf === 'always',
    table: compileShape(rules.tableReserved, rules.tableAddress, rules.tableForbidden),
    leaf: compileShape(rules.leafReserved, rules.leafAddress, rules.leafForbidden),
  };
}

function compileShape(reserved: bigint, address: bigint, forbidden: bigint): CompiledShape {
  return {
    reservedLow: lowHalf(reserved),
    reservedHigh: highHalf(reserved),
    addressLow: lowHalf(address),
    addressHigh: highHalf(address),
    forbidden: Uint8Array.from({ length: 64 }, (_, value) => Number((forbidden >> BigInt(value)) & 1n)),
  };
}

/** True if a present entry breaks a rule of its shape. */
export function isBroken(shape: CompiledShape, low: number, high: number): boolean {
  return (
    (low & shape.reservedLow) !== 0 || (high & shape.reservedHigh) !== 0 || shape.forbidden[low & 63] === 1
  );
}

/** What the hardware makes of an entry. */
export function kindOf(rules: LevelRules, raw: bigint): EntryKind {
  if ((raw & rules.present) === 0n) return 'not-present';
  if (rules.leaf === 'bit-7') return (raw & 0x80n) === 0n ? 'table' : 'leaf';
  return rules.leaf === 'always' ? 'leaf' : 'table';
}
