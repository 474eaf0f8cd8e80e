import { bit, bits, field, hasBit, lowHalf } from '../bits.js';
import { cachedLayout } from '../bit-field.js';
import type { TableEntry, Violation } from '../entry.js';
import { readFlags, writeFlags } from '../flags.js';
import { kindOf } from '../format.js';
import { levelSize, type Level } from '../level.js';
import { assertRaw } from '../raw.js';
import { reservedViolations } from '../violations.js';
import { eptLayout } from './layout.js';
import { eptMemoryType, type EptMemoryType } from './memory-type.js';
import {
  eptRules,
  eptSettings,
  isExecuteOnly,
  isWriteWithoutRead,
  type EptOptions,
  type EptSettings,
} from './rules.js';

const FLAGS = {
  read: 0,
  write: 1,
  execute: 2,
  accessed: 8,
  dirty: 9,
  userExecute: 10,
  suppressVe: 63,
} as const;

/** A decoded EPT entry. Flags tell the raw bits whatever the kind. */
export interface EptEntry extends TableEntry {
  readonly type: 'ept-entry';
  readonly format: 'ept';
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  readonly accessed: boolean;
  readonly dirty: boolean;
  /** Bit 10; ignored by hardware without mode-based execute control. */
  readonly userExecute: boolean;
  /** Bit 63; ignored by hardware unless "EPT-violation #VE" is on. */
  readonly suppressVe: boolean;
  /** Bit 7 above level 1. */
  readonly large: boolean;
  /** Of a leaf; undefined otherwise. */
  readonly memoryType: EptMemoryType | undefined;
  /** The same as a number, 0 to 7, also where the type is reserved. */
  readonly memoryTypeValue: number | undefined;
  /** Of a leaf; false otherwise. */
  readonly ignorePat: boolean;
  /** Set bits that no property above stands for. */
  readonly otherBits: bigint;
}

/**
 * Decodes any 64-bit value as an EPT entry at `level`. A misconfigured entry (exit reason 49) has its broken rules in
 * `violations`; an entry with bits 2:0 clear is 'not-present' (exit reason 48), whatever its other bits.
 */
export function decodeEptEntry(raw: bigint, level: Level, options: EptOptions = {}): EptEntry {
  return decodeWith(raw, level, eptSettings(options));
}

/** The same with the defaults filled in already. */
export function decodeWith(raw: bigint, level: Level, settings: EptSettings): EptEntry {
  assertRaw(raw);
  const rules = eptRules(level, settings);
  const kind = kindOf(rules, raw);
  const leaf = kind === 'leaf';
  const memoryTypeValue = leaf ? field(raw, 5, 3) : undefined;
  const address = leaf ? raw & rules.leafAddress : kind === 'table' ? raw & rules.tableAddress : undefined;
  const entry = {
    type: 'ept-entry',
    format: 'ept',
    raw,
    fields: cachedLayout(`ept ${level} ${kind} ${Object.values(settings).join(' ')}`, () =>
      eptLayout(level, kind, settings),
    ),
    level,
    kind,
    present: kind !== 'not-present',
    address,
    size: leaf ? levelSize(level) : undefined,
    violations: kind === 'not-present' ? [] : violationsOf(raw, level, leaf, settings),
    ...readFlags(raw, FLAGS),
    large: level > 1 && hasBit(raw, 7),
    memoryType: memoryTypeValue === undefined ? undefined : eptMemoryType(memoryTypeValue),
    memoryTypeValue,
    ignorePat: leaf && hasBit(raw, 6),
    otherBits: 0n,
  } as const;
  return { ...entry, otherBits: raw & ~encodeEptEntry(entry) };
}

/** Composes an entry from its properties (memory type: the number); `raw` is not read. */
export function encodeEptEntry(entry: EptEntry): bigint {
  return (
    writeFlags(entry, FLAGS) |
    (entry.large ? bit(7) : 0n) |
    (BigInt(entry.memoryTypeValue ?? 0) << 3n) |
    (entry.ignorePat ? bit(6) : 0n) |
    (entry.address ?? 0n) |
    entry.otherBits
  );
}

function violationsOf(raw: bigint, level: Level, leaf: boolean, settings: EptSettings): Violation[] {
  const rules = eptRules(level, settings);
  const low = lowHalf(raw);
  const found: Violation[] = [];
  if (isWriteWithoutRead(low)) {
    found.push({
      rule: 'write-without-read',
      bits: raw & bits(2, 0),
      message: `bits 2:0 are ${(low & 7).toString(2).padStart(3, '0')}b: writes are permitted but reads are not`,
    });
  }
  if (!settings.executeOnly && isExecuteOnly(low)) {
    found.push({
      rule: 'execute-only-unsupported',
      bits: bit(2),
      message: 'bits 2:0 are 100b: this processor has no execute-only translations',
    });
  }
  if (leaf && eptMemoryType(field(raw, 5, 3)) === 'reserved') {
    found.push({
      rule: 'memory-type',
      bits: raw & bits(5, 3),
      message: `memory type ${field(raw, 5, 3)} is reserved`,
    });
  }
  return [...found, ...reservedViolations(raw & (leaf ? rules.leafReserved : rules.tableReserved), level)];
}
