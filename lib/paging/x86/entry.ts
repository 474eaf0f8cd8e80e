import { field, hasBit } from '../bits.js';
import { cachedLayout, type Layout } from '../bit-field.js';
import type { EntryKind, TableEntry, Violation } from '../entry.js';
import { readFlags, writeFlags } from '../flags.js';
import { kindOf } from '../format.js';
import { levelSize, type Level } from '../level.js';
import { assertRaw } from '../raw.js';
import { reservedViolations } from '../violations.js';
import { _PAGE_PKEY_MASK } from './bits.js';
import { x86Layout } from './layout.js';
import { linuxMeaning, type LinuxMeaning } from './linux-meaning.js';
import { patBit, x86Doubts, x86Rules, x86Settings, type X86Options, type X86Settings } from './rules.js';

/** The flags that sit at the same bit at every level. */
const X86_FLAGS = {
  present: 0,
  writable: 1,
  user: 2,
  writeThrough: 3,
  cacheDisable: 4,
  accessed: 5,
  dirty: 6,
  global: 8,
  softw1: 9,
  softw2: 10,
  softw3: 11,
  noExecute: 63,
} as const;

/** A decoded x86-64 entry. Flags tell the raw bits whatever the kind, also of an entry that is not present. */
export interface X86Entry extends TableEntry {
  readonly type: 'x86-entry';
  readonly format: 'x86' | 'npt';
  readonly present: boolean;
  readonly writable: boolean;
  readonly user: boolean;
  readonly writeThrough: boolean;
  readonly cacheDisable: boolean;
  readonly accessed: boolean;
  readonly dirty: boolean;
  /** Bit 7 of an entry above level 1 (PS). Always false at level 1, where bit 7 is PAT. */
  readonly large: boolean;
  /** Bit 7 of a PTE, bit 12 of a large page; false for anything but a leaf. */
  readonly pat: boolean;
  readonly global: boolean;
  readonly softw1: boolean;
  readonly softw2: boolean;
  readonly softw3: boolean;
  readonly noExecute: boolean;
  /** 0 to 15, of a leaf; 0 otherwise. */
  readonly protectionKey: number;
  /** The SME or SEV C-bit, if the decoder was told which bit that is. */
  readonly encrypted: boolean;
  /** Index into the PAT register, 0 to 7: PAT, PCD and PWT together. */
  readonly patIndex: number;
  /** The entry as Linux reads it, if the decoder was told which Linux. */
  readonly linux: LinuxMeaning | undefined;
  /** Set bits that no property above stands for: reserved ones, ignored ones, and all but the flags if not present. */
  readonly otherBits: bigint;
}

/** Decodes any 64-bit value as an entry of a table at `level`. Never fails: broken rules are listed in `violations`. */
export function decodeX86Entry(raw: bigint, level: Level, options: X86Options = {}): X86Entry {
  return x86Decoder(x86Settings(options), 'x86')(raw, level);
}

/** A decoder with its options settled, for many entries. */
export function x86Decoder(
  settings: X86Settings,
  format: 'x86' | 'npt',
): (raw: bigint, level: Level) => X86Entry {
  const options = Object.values(settings).join(' ');
  const layoutFor = (level: Level, kind: EntryKind): Layout =>
    cachedLayout(`x86 ${level} ${kind} ${options}`, () => x86Layout(level, kind, settings));

  return (raw, level) => {
    assertRaw(raw);
    const rules = x86Rules(level, settings);
    const kind = kindOf(rules, raw);
    const fields = layoutFor(level, kind);
    const flags = readFlags(raw, X86_FLAGS);
    const large = level > 1 && hasBit(raw, 7);
    const pat = kind === 'leaf' && (raw & patBit(level)) !== 0n;
    const protectionKey = kind === 'leaf' ? field(raw, 62, 59) : 0;
    const encrypted = kind !== 'not-present' && (raw & settings.encryptionMask) !== 0n;
    const address =
      kind === 'leaf' ? raw & rules.leafAddress : kind === 'table' ? raw & rules.tableAddress : undefined;
    const size = kind === 'leaf' ? levelSize(level) : undefined;
    const violations: Violation[] =
      kind === 'not-present'
        ? []
        : reservedViolations(
            raw & (kind === 'leaf' ? rules.leafReserved : rules.tableReserved),
            level,
            x86Doubts(level, settings),
          );
    const linux = settings.kernel === undefined ? undefined : linuxMeaning(raw, level, settings.kernel);
    const entry = {
      type: 'x86-entry',
      format,
      raw,
      fields,
      level,
      kind,
      address,
      size,
      violations,
      ...flags,
      large,
      pat,
      protectionKey,
      encrypted,
      patIndex: (pat ? 4 : 0) + (flags.cacheDisable ? 2 : 0) + (flags.writeThrough ? 1 : 0),
      linux,
      otherBits: 0n,
    } as const;
    return { ...entry, otherBits: raw & ~encodeKnown(entry, settings.encryptionMask) };
  };
}

/**
 * The 64-bit value that an entry's properties stand for: the inverse of decoding. `raw` is not read, so
 * `encodeX86Entry({ ...entry, user: false })` is the entry with `_PAGE_USER` cleared.
 */
export function encodeX86Entry(entry: X86Entry, options: X86Options = {}): bigint {
  return encodeKnown(entry, x86Settings(options).encryptionMask) | entry.otherBits;
}

function encodeKnown(entry: X86Entry, encryptionMask: bigint): bigint {
  return (
    writeFlags(entry, X86_FLAGS) |
    (entry.large ? 1n << 7n : 0n) |
    (entry.pat ? patBit(entry.level) : 0n) |
    ((BigInt(entry.protectionKey) << 59n) & _PAGE_PKEY_MASK) |
    (entry.encrypted ? encryptionMask : 0n) |
    (entry.address ?? 0n)
  );
}
