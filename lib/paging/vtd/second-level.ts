import { bit, bits, hasBit } from '../bits.js';
import { cachedLayout, flag, layout, part, reserved, type Layout } from '../bit-field.js';
import type { EntryKind, TableEntry } from '../entry.js';
import { readFlags, writeFlags } from '../flags.js';
import { kindOf, type EntryFormat, type LevelRules } from '../format.js';
import { levelSize, type Level } from '../level.js';
import { assertRaw } from '../raw.js';
import { USER } from '../rights.js';
import { reservedViolations } from '../violations.js';
import { assertWidth } from '../x86/npt.js';
import { assertPhysicalWidth } from '../x86/rules.js';

/** What must be known of the IOMMU to read its second-level entries. */
export interface SecondLevelOptions {
  /** Host address width (DMAR table, HAW), 32 to 52. Default 52: no address bit counts as reserved. */
  readonly maxPhysicalAddress?: number;
}

/** DMA_PTE_* of Linux drivers/iommu/intel/iommu.h (VT-d specification, section 9.10, second-stage entries). */
const FLAGS = { read: 0, write: 1, accessed: 8, dirty: 9, snoop: 11, transientMapping: 62 } as const;

/** A decoded second-level (second-stage) entry of VT-d. */
export interface SecondLevelEntry extends TableEntry {
  readonly type: 'vtd-entry';
  readonly format: 'vtd';
  readonly read: boolean;
  readonly write: boolean;
  readonly accessed: boolean;
  readonly dirty: boolean;
  /** Bit 11: accesses snoop the processor's caches, whatever the request says. */
  readonly snoop: boolean;
  /** Bit 62: device TLBs must not keep the translation. */
  readonly transientMapping: boolean;
  /** Bit 7 above level 1 (SP, super page). */
  readonly large: boolean;
  /** Set bits that no property above stands for. */
  readonly otherBits: bigint;
}

/** Decodes any 64-bit value as a second-level entry. An entry that permits neither reads nor writes is not present. */
export function decodeSecondLevelEntry(
  raw: bigint,
  level: Level,
  options: SecondLevelOptions = {},
): SecondLevelEntry {
  assertRaw(raw);
  const haw = width(options);
  const rules = secondLevelRules(level, haw);
  const kind = kindOf(rules, raw);
  const leaf = kind === 'leaf';
  const entry = {
    type: 'vtd-entry',
    format: 'vtd',
    raw,
    fields: cachedLayout(`vtd ${level} ${kind} ${haw}`, () => secondLevelLayout(level, kind, rules)),
    level,
    kind,
    present: kind !== 'not-present',
    address: leaf ? raw & rules.leafAddress : kind === 'table' ? raw & rules.tableAddress : undefined,
    size: leaf ? levelSize(level) : undefined,
    violations:
      kind === 'not-present'
        ? []
        : reservedViolations(raw & (leaf ? rules.leafReserved : rules.tableReserved), level),
    ...readFlags(raw, FLAGS),
    large: level > 1 && hasBit(raw, 7),
    otherBits: 0n,
  } as const;
  return { ...entry, otherBits: raw & ~encodeSecondLevelEntry(entry) };
}

/** Composes an entry from its properties; `raw` is not read. */
export function encodeSecondLevelEntry(entry: SecondLevelEntry): bigint {
  return writeFlags(entry, FLAGS) | (entry.large ? bit(7) : 0n) | (entry.address ?? 0n) | entry.otherBits;
}

/** The entry format of VT-d's second-level tables, which translate DMA addresses (iova). */
export function secondLevelFormat(options: SecondLevelOptions = {}): EntryFormat<SecondLevelEntry> {
  const haw = width(options);
  return {
    name: 'vtd',
    rules: (level) => secondLevelRules(level, haw),
    // R and W are the same bits in both forms. There are no fetches, and nothing distinguishes user mode.
    rights: (low) => (low & 3) | USER,
    decode: (raw, level) => decodeSecondLevelEntry(raw, level, options),
    checkAddress: assertWidth,
    fullAddress: (address) => address,
  };
}

function width(options: SecondLevelOptions): number {
  const haw = options.maxPhysicalAddress ?? 52;
  assertPhysicalWidth(haw);
  return haw;
}

function secondLevelRules(level: Level, haw: number): LevelRules {
  const largeExists = level === 2 || level === 3;
  const alignment = bits(11 + 9 * (level - 1), 12);
  const high = bits(51, haw);
  // In an entry that names a table, bits 11 and 62 are no SNP and TM, but reserved (9.8 of rev 4.1; QEMU's vtd_spte_rsvd).
  const ofPagesOnly = bit(FLAGS.snoop) | bit(FLAGS.transientMapping);
  return {
    present: bits(1, 0),
    leaf: level === 1 ? 'always' : largeExists ? 'bit-7' : 'never',
    tableReserved: high | ofPagesOnly | (largeExists ? 0n : bit(7)),
    leafReserved: high | alignment,
    tableAddress: bits(51, 12),
    leafAddress: bits(51, 12) & ~alignment,
    tableForbidden: 0n,
    leafForbidden: 0n,
  };
}

function secondLevelLayout(level: Level, kind: EntryKind, rules: LevelRules): Layout {
  const leaf = kind === 'leaf';
  return layout([
    ...(leaf ? reserved(rules.leafReserved) : []),
    ...(kind === 'table' ? reserved(rules.tableReserved) : []),
    flag(0, 'DMA_PTE_READ', 'the device may read'),
    flag(1, 'DMA_PTE_WRITE', 'the device may write'),
    ...(leaf && level > 1 ? [flag(7, 'DMA_PTE_LARGE_PAGE', 'maps a super page')] : []),
    flag(8, 'DMA_PTE_ACCESSED', 'accessed since software cleared it (if enabled)'),
    ...(leaf
      ? [
          flag(9, 'DMA_PTE_DIRTY', 'written since software cleared it (if enabled)'),
          flag(11, 'DMA_PTE_SNP', 'accesses snoop the caches'),
          flag(62, 'DMA_PTE_TM', 'device TLBs must not keep it'),
        ]
      : []),
    part(
      51,
      12,
      'address',
      leaf ? 'physical address of the page' : 'physical address of the next table',
      'address',
    ),
  ]);
}
