import { bit, bits } from '../bits.js';
import { InvalidArgumentError } from '../paging-errors.js';
import type { LevelRules } from '../format.js';
import type { Level } from '../level.js';
import { assertPhysicalWidth } from '../x86/rules.js';
import { eptMemoryType } from './memory-type.js';

/** What must be known of the processor and of the VMCS to read EPT entries. */
export interface EptOptions {
  /** MAXPHYADDR, 32 to 52. Default 52: no address bit counts as reserved. */
  readonly maxPhysicalAddress?: number;
  /** IA32_VMX_EPT_VPID_CAP bit 0: execute-only translations are supported, so 100b is no misconfiguration. Default true. */
  readonly executeOnly?: boolean;
  /** "Mode-based execute control for EPT": bit 10 is user-mode execute. Default false. */
  readonly modeBasedExecute?: boolean;
  /** IA32_VMX_EPT_VPID_CAP bit 17. Without it bit 7 of a PDPTE is reserved. Default true. */
  readonly gigabytePages?: boolean;
}

export type EptSettings = Required<EptOptions>;

/** Fills in the defaults and rejects what no processor has. */
export function eptSettings(options: EptOptions): EptSettings {
  const settings = {
    maxPhysicalAddress: options.maxPhysicalAddress ?? 52,
    executeOnly: options.executeOnly ?? true,
    modeBasedExecute: options.modeBasedExecute ?? false,
    gigabytePages: options.gigabytePages ?? true,
  };
  assertPhysicalWidth(settings.maxPhysicalAddress);
  if (settings.modeBasedExecute && !settings.executeOnly) {
    throw new InvalidArgumentError(
      'Every processor with mode-based execute control has execute-only translations.',
    );
  }
  return settings;
}

/**
 * Entries of one level (SDM vol. 3, 29.3.2, tables 29-1 to 29-7, and the misconfigurations of 29.3.3.1; Linux
 * `__reset_rsvds_bits_mask_ept`).
 */
export function eptRules(level: Level, settings: EptSettings): LevelRules {
  const largeExists = level === 2 || (level === 3 && settings.gigabytePages);
  const width = bits(51, settings.maxPhysicalAddress);
  const alignment = bits(11 + 9 * (level - 1), 12);
  return {
    present: bits(2, 0) | (settings.modeBasedExecute ? bit(10) : 0n),
    leaf: level === 1 ? 'always' : largeExists ? 'bit-7' : 'never',
    tableReserved: width | (largeExists ? bits(6, 3) : bits(7, 3)),
    leafReserved: width | alignment,
    tableAddress: bits(51, 12) & ~width,
    leafAddress: bits(51, 12) & ~width & ~alignment,
    tableForbidden: forbidden(settings.executeOnly, false),
    leafForbidden: forbidden(settings.executeOnly, true),
  };
}

/** Which values of bits 5:0 are misconfigured, as a set of bits. */
function forbidden(executeOnly: boolean, leaf: boolean): bigint {
  let set = 0n;
  for (let value = 0; value < 64; value += 1) {
    const bad =
      isWriteWithoutRead(value) ||
      (!executeOnly && isExecuteOnly(value)) ||
      (leaf && eptMemoryType(value >> 3) === 'reserved');
    if (bad) set |= bit(value);
  }
  return set;
}

/** 010b or 110b in bits 2:0. */
export function isWriteWithoutRead(low: number): boolean {
  return (low & 0b011) === 0b010;
}

/** 100b in bits 2:0. */
export function isExecuteOnly(low: number): boolean {
  return (low & 0b111) === 0b100;
}
