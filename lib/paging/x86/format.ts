import type { AddressSpace, EntryFormat } from '../format.js';
import type { Level } from '../level.js';
import { EXECUTE, READ, USER_EXECUTE } from '../rights.js';
import { assertCanonical, signExtend } from './address.js';
import { PTE_PFN_MASK } from './bits.js';
import { x86Decoder, type X86Entry } from './entry.js';
import { linuxMeaning } from './linux-meaning.js';
import { absenceWords } from './linux-words.js';
import { x86Rules, x86Settings, type X86Options } from './rules.js';

/** The entry format of ordinary x86-64 paging. */
export function x86Format(options: X86Options = {}): EntryFormat<X86Entry> {
  const settings = x86Settings(options);
  const { kernel } = settings;
  return {
    name: 'x86',
    absence: (raw, level) => absenceWords(raw, level, kernel && linuxMeaning(raw, level, kernel)),
    rules: (level: Level) => x86Rules(level, settings),
    rights: settings.nxe ? rightsWithNx : rightsWithoutNx,
    decode: x86Decoder(settings, 'x86'),
    checkAddress: assertCanonical,
    fullAddress: signExtend,
  };
}

/** R/W is bit 1 in both forms, U/S moves from bit 2 to USER (8); execution is permitted unless bit 63 is set. */
function rightsWithNx(low: number, high: number): number {
  return READ | (low & 2) | ((low & 4) << 1) | (high >>> 31 === 0 ? EXECUTE | USER_EXECUTE : 0);
}

/** Without EFER.NXE everything that is readable is executable. */
function rightsWithoutNx(low: number): number {
  return READ | (low & 2) | ((low & 4) << 1) | EXECUTE | USER_EXECUTE;
}

/** How to find a process's tables. */
export interface X86SpaceOptions extends X86Options {
  /** A CR3 value, or the bare physical address of the top table: PCID and flags in bits 11:0 and 63:52 are dropped. */
  readonly cr3: bigint;
  /** 5 if CR4.LA57 is set. Default 4. */
  readonly levels?: 4 | 5;
}

/** An address space of ordinary paging, to be walked, scanned and compared. */
export function x86Space(options: X86SpaceOptions): AddressSpace<X86Entry> {
  const { encryptionMask } = x86Settings(options);
  return {
    format: x86Format(options),
    root: options.cr3 & PTE_PFN_MASK & ~encryptionMask,
    levels: options.levels ?? 4,
  };
}
