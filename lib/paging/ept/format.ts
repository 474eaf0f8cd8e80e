import { bits } from '../bits.js';
import type { AddressSpace, EntryFormat } from '../format.js';
import { USER } from '../rights.js';
import { assertWidth } from '../x86/npt.js';
import { decodeWith, type EptEntry } from './entry.js';
import { decodeEptp } from './eptp.js';
import { eptRules, eptSettings, type EptOptions } from './rules.js';

/** The entry format of extended page tables, which translate guest-physical addresses. */
export function eptFormat(options: EptOptions = {}): EntryFormat<EptEntry> {
  const settings = eptSettings(options);
  return {
    name: 'ept',
    rules: (level) => eptRules(level, settings),
    rights: settings.modeBasedExecute ? rightsWithUserExecute : rightsPlain,
    decode: (raw, level) => decodeWith(raw, level, settings),
    checkAddress: assertWidth,
    fullAddress: (address) => address,
  };
}

/** R, W and X are bits 0 to 2 in both forms; one X bit speaks for user (16) and supervisor (4) fetches. */
function rightsPlain(low: number): number {
  return (low & 7) | USER | ((low & 4) << 2);
}

/** Bit 10 permits user-mode fetches. */
function rightsWithUserExecute(low: number): number {
  return (low & 7) | USER | ((low & 0x400) >> 6);
}

export interface EptSpaceOptions extends EptOptions {
  /** The EPT pointer of the VMCS, or the bare physical address of the top table. */
  readonly eptp: bigint;
  /** Taken from the EPTP's walk length; needed for a bare address of a five-level tree. */
  readonly levels?: 4 | 5;
}

/** The extended page tables of a guest. */
export function eptSpace(options: EptSpaceOptions): AddressSpace<EptEntry> {
  const walkLength = decodeEptp(options.eptp).walkLength;
  return {
    format: eptFormat(options),
    root: options.eptp & bits(51, 12),
    levels: options.levels ?? (walkLength === 5 ? 5 : 4),
  };
}
